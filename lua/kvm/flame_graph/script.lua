-- SPDX-License-Identifier: BSD-2-Clause
-- What a flame graph's SVG does in a browser: zoom, search, keys. It builds its own controls, so that without it nothing is there that
-- does not work, and asks the drawing for all it knows: the elements g.frame with data-at, data-count, data-depth and a title.
-- Nothing of a dump is ever in this text.
return [==[
"use strict";
(function () {
  const SVG = "http://www.w3.org/2000/svg", XHTML = "http://www.w3.org/1999/xhtml";
  const svg = document.querySelector("svg.flame"); // the document itself, or a part of a page
  if (!svg) return;
  const keysOf = svg === document.documentElement ? document : svg;
  const width = +svg.dataset.width, margin = +svg.dataset.margin, charWidth = +svg.dataset.charWidth;
  const total = +svg.dataset.total, partial = svg.dataset.leftOut !== "0";
  const status = svg.querySelector("#status");

  // Each frame once: in the drawing's order, a caller before its callees.
  const frames = Array.from(svg.getElementsByClassName("frame"), function (g) {
    const title = g.querySelector("title").textContent;
    return {
      g: g, rect: g.querySelector("rect"), text: g.querySelector("text"), title: title, name: title.slice(0, title.lastIndexOf(" (")),
      at: +g.dataset.at, count: +g.dataset.count, depth: +g.dataset.depth, callees: [], caller: null, shown: true
    };
  });
  const of = new Map(frames.map(function (f) { return [f.g, f]; }));
  const path = [];
  frames.forEach(function (f) {
    path[f.depth] = f;
    if (f.depth > 0) {
      f.caller = path[f.depth - 1];
      f.caller.callees.push(f);
    }
  });
  const root = frames[0];
  let zoomed = root, focused = root;

  function holds(outer, inner) {
    return outer.depth <= inner.depth && outer.at <= inner.at && outer.at + outer.count >= inner.at + inner.count;
  }

  function clipped(name, room) {
    const letters = Array.from(name), fits = Math.floor((room - 6) / charWidth);
    if (letters.length <= fits) return name;
    return fits < 3 ? "" : letters.slice(0, fits - 2).join("") + "..";
  }

  function place(f, x, w) {
    f.rect.setAttribute("x", x);
    f.rect.setAttribute("width", w);
    const words = clipped(f.name, w);
    if (words && !f.text) {
      f.text = document.createElementNS(SVG, "text");
      f.text.setAttribute("y", +f.rect.getAttribute("y") + 12);
      f.g.appendChild(f.text);
    }
    if (f.text) {
      f.text.setAttribute("x", x + 3);
      f.text.textContent = words;
    }
  }

  function zoom(to) {
    zoomed = to;
    const scale = (width - 2 * margin) / to.count;
    frames.forEach(function (f) {
      const outer = f !== to && holds(f, to) && f.depth < to.depth;
      f.shown = outer || holds(to, f);
      f.g.style.display = f.shown ? "" : "none";
      f.g.classList.toggle("outer", outer);
      if (outer) place(f, margin, width - 2 * margin);
      else if (f.shown) place(f, margin + (f.at - to.at) * scale, f.count * scale);
    });
    reset.disabled = to === root;
    if (!focused.shown) focus(to);
  }

  function focus(f) {
    focused.g.setAttribute("tabindex", "-1");
    focused = f;
    f.g.setAttribute("tabindex", "0");
    f.g.focus();
    tell(f);
  }

  function tell(f) {
    status.textContent = f ? f.title : "";
  }

  // Frames below a match are part of it: each stack counts once.
  function search() {
    const wanted = input.value;
    let pattern = null, end = 0, matched = 0;
    input.setCustomValidity("");
    try {
      if (wanted) pattern = new RegExp(wanted, "i");
    } catch (_) {
      input.setCustomValidity("no regular expression");
      result.textContent = "no regular expression";
    }
    frames.forEach(function (f) {
      const found = pattern !== null && f !== root && pattern.test(f.name);
      f.g.classList.toggle("match", found);
      if (found && f.at >= end) {
        matched += f.count;
        end = f.at + f.count;
      }
    });
    if (pattern) result.textContent = (partial ? "at least " : "") + (100 * matched / total).toFixed(2) + "% (" + matched + ") match";
    else if (!wanted) result.textContent = "";
  }

  // --- controls

  function make(name, parent, attributes) {
    const e = parent.appendChild(document.createElementNS(XHTML, name));
    Object.keys(attributes).forEach(function (key) { e.setAttribute(key, attributes[key]); });
    return e;
  }
  const box = document.createElementNS(SVG, "foreignObject");
  [["x", margin], ["y", 26], ["width", width - 2 * margin], ["height", 26]].forEach(function (a) { box.setAttribute(a[0], a[1]); });
  svg.appendChild(box);
  const bar = make("div", box, {"class": "bar"});
  const reset = make("button", bar, {type: "button", title: "Escape", id: "reset"});
  reset.textContent = "Reset zoom";
  const input = make("input", bar, {type: "search", placeholder: "search: a regular expression", title: "/ or Ctrl-F",
    "aria-label": "search", id: "search", size: "30"});
  const result = make("span", bar, {id: "result", "aria-live": "polite"});
  reset.addEventListener("click", function () { zoom(root); });
  input.addEventListener("input", search);

  function frameOf(event) {
    const g = event.target.closest && event.target.closest(".frame");
    return g ? of.get(g) : null;
  }
  svg.addEventListener("click", function (event) {
    const f = frameOf(event);
    if (!f) return;
    zoom(f);
    focus(f);
  });
  svg.addEventListener("mouseover", function (event) { tell(frameOf(event)); });
  svg.addEventListener("focusin", function (event) { tell(frameOf(event)); });

  // --- keys

  function beside(f, step) {
    const all = f.caller ? f.caller.callees.filter(function (c) { return c.shown; }) : [f];
    return all[all.indexOf(f) + step];
  }
  const KEYS = {
    ArrowUp: function (f) { return f.callees.find(function (c) { return c.shown; }); },
    ArrowDown: function (f) { return f.caller; },
    ArrowLeft: function (f) { return beside(f, -1); },
    ArrowRight: function (f) { return beside(f, 1); },
    Home: function () { return root; }
  };
  keysOf.addEventListener("keydown", function (event) {
    if (event.key === "/" && event.target !== input || event.key === "f" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      input.focus();
      return;
    }
    if (event.key === "Escape") {
      if (event.target === input && input.value) {
        input.value = "";
        search();
      } else {
        zoom(root);
      }
      event.preventDefault();
      return;
    }
    const f = frameOf(event);
    if (!f || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      zoom(f);
      event.preventDefault();
    } else if (KEYS[event.key]) {
      const next = KEYS[event.key](f);
      if (next) focus(next);
      event.preventDefault();
    }
  });

  frames.forEach(function (f) { f.g.setAttribute("tabindex", "-1"); });
  root.g.setAttribute("tabindex", "0");
  reset.disabled = true;
}());
]==]
