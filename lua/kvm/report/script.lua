-- SPDX-License-Identifier: BSD-2-Clause
-- What a report does in a browser: its tables, drawn from the JSON in the page, sorted, searched, with a link for each state of them:
-- #tasks?q=kworker&sort=-pid, #tasks?row=1 (the row whose key is 1), #log?level=3. All that is from a dump goes into the page as text,
-- never as markup. Nothing of a dump is ever in this text.
return [==[
"use strict";
(function () {
  const STEP = 100;
  const data = JSON.parse(document.getElementById("data").textContent);
  const LEVELS = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

  function make(name, parent, text, attributes) {
    const e = parent.appendChild(document.createElement(name));
    if (text !== null && text !== undefined) e.textContent = text;
    Object.entries(attributes || {}).forEach(function (a) { e.setAttribute(a[0], a[1]); });
    return e;
  }

  // --- values

  // The same words as kvm.format's.
  function size(v) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let n = Number(v), unit = 0;
    while (Math.abs(n) >= 999.5 && unit < units.length - 1) { n /= 1024; unit++; }
    return n.toFixed(unit === 0 || Math.abs(n) >= 9.95 ? 0 : 1) + " " + units[unit];
  }
  function two(n) { return String(n).padStart(2, "0"); }
  function duration(v) {
    const ns = Number(v);
    if (ns < 0) return "-" + duration(-ns);
    if (ns < 60e9) return (ns / 1e9).toFixed(3) + " s";
    const s = Math.floor(ns / 1e9), days = Math.floor(s / 86400);
    const clock = (s < 3600 ? "" : two(Math.floor(s / 3600) % 24) + ":") + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
    return days === 0 ? clock : days + (days === 1 ? " day " : " days ") + clock;
  }
  function seconds(v) { return (Number(v) / 1e9).toFixed(6); }
  // Integers that a double does not hold are strings in JSON; a BigInt can be compared with a number.
  function exact(v) { return typeof v === "string" ? BigInt(v) : v; }
  function byNumber(a, b) { return a < b ? -1 : a > b ? 1 : 0; }
  // "0x..." without zeros in front, 64 bits without a sign: the longer one is the larger one.
  function byAddress(a, b) { return a.length - b.length || byNumber(a, b); }
  const NUMBER = {compare: function (a, b) { return byNumber(exact(a), exact(b)); }, text: String, side: "number"};
  function numbers(text) { return {compare: NUMBER.compare, text: text, side: "number"}; }
  const KINDS = {
    integer: NUMBER, number: NUMBER, stack: NUMBER, size: numbers(size), duration: numbers(duration), seconds: numbers(seconds),
    level: {compare: NUMBER.compare, text: function (v) { return LEVELS[v] || String(v); }, side: "short"},
    hex: {compare: byAddress, text: String, side: "short"},
    boolean: {compare: byNumber, text: function (v) { return v ? "yes" : "no"; }, side: "short"},
    string: {compare: byNumber, text: String, side: "short"},
    pids: {compare: function (a, b) { return a.length - b.length; }, text: function (v) { return v.join(" "); }, side: "long"},
    lines: {compare: byNumber, text: String, side: "long"}
  };
  const LONG = {compare: byNumber, text: String, side: "long"};
  function kindOf(column) { return KINDS[column.kind] || LONG; }

  // --- links

  function link(parent, id, key, text) { return make("a", parent, text, {href: "#" + id + "?row=" + encodeURIComponent(key)}); }
  function hasRow(id, key) { return Boolean(tables[id]) && tables[id].rowOf(String(key)) !== undefined; }
  function task(parent, pid, text) {
    if (hasRow("tasks", pid)) link(parent, "tasks", pid, text);
    else parent.append(text);
  }
  // How the kernel's messages name a task: "pid 12", "PID: 12", "task cat:12", "cat[12]", "cat (12)", "process 12".
  const NAMED = /(\b(?:pid|process)[:= ]+|\btask [^\s:]+:|[\w.\/-]+\[|\w \()(\d{1,7})(?=\b)/gi;
  function said(parent, text) {
    let at = 0;
    for (const found of text.matchAll(NAMED)) {
      const start = found.index + found[1].length;
      if (!hasRow("tasks", found[2])) continue;
      parent.append(text.slice(at, start));
      task(parent, found[2], found[2]);
      at = start + found[2].length;
    }
    parent.append(text.slice(at));
  }
  const MOST_PIDS = 12;
  const DRAW = {
    said: said,
    caller: function (cell, v) {
      const thread = /^T(\d+)$/.exec(v);
      if (thread) task(cell, thread[1], v);
      else cell.append(v);
    },
    stack: function (cell, v) {
      if (hasRow("stacks", v)) link(cell, "stacks", v, v);
      else cell.append(String(v));
    },
    pid: function (cell, v) { task(cell, v, String(v)); },
    pids: function (cell, v, whole) {
      v.slice(0, whole ? v.length : MOST_PIDS).forEach(function (pid, i) {
        if (i > 0) cell.append(" ");
        task(cell, pid, String(pid));
      });
      if (!whole && v.length > MOST_PIDS) cell.append(" ...");
    },
    lines: function (cell, v, whole) {
      const lines = v.split("\n");
      cell.append(whole ? v : lines.slice(0, 4).join(" < ") + (lines.length > 4 ? " < ..." : ""));
    }
  };
  KINDS.pid = NUMBER;
  KINDS.caller = KINDS.string;
  function draw(cell, column, v, whole) {
    if (v === null) return;
    const how = DRAW[column.kind];
    if (how) how(cell, v, whole);
    else cell.append(kindOf(column).text(v));
  }

  // --- tables

  function Table(id, def) {
    this.id = id;
    this.def = def;
    this.box = document.getElementById("table-" + id);
    this.key = def.columns.findIndex(function (c) { return c.name === def.key; });
    this.levelAt = def.columns.findIndex(function (c) { return c.name === "level"; });
    this.initial = {q: "", sort: def.sort, level: ""};
    this.state = Object.assign({}, this.initial);
    this.shown = STEP;
    this.opened = new Set();
    this.build();
  }
  Table.prototype.rowOf = function (key) {
    if (!this.byKey) {
      this.byKey = new Map();
      const at = this.key;
      if (at >= 0) this.def.rows.forEach(function (row, i) { if (row[at] !== null) this.byKey.set(String(row[at]), i); }, this);
    }
    return this.byKey.get(key);
  };
  Table.prototype.build = function () {
    const table = this, def = this.def;
    const controls = make("div", this.box, null, {"class": "controls"});
    this.search = make("input", controls, null, {type: "search", placeholder: "search all columns", "aria-label": "search " + this.id});
    this.search.addEventListener("input", function () { table.change({q: table.search.value}); });
    if (def.level) {
      this.level = make("select", controls, null, {"aria-label": "least level"});
      make("option", this.level, "all levels", {value: ""});
      LEVELS.forEach(function (name, n) { make("option", table.level, n === 0 ? name : name + " and worse", {value: n}); });
      this.level.addEventListener("change", function () { table.change({level: table.level.value}); });
    }
    this.count = make("span", controls, "", {"class": "faint count", "aria-live": "polite"});
    this.before = make("button", this.box, "earlier", {type: "button", "class": "more"});
    const element = make("table", make("div", this.box, null, {"class": "scroll"}), null, {});
    const head = make("tr", make("thead", element), null, {});
    if (this.hasDetail()) make("th", head, "", {"class": "open"});
    this.heads = def.columns.map(function (c) {
      if (c.detail) return null;
      const th = make("th", head, null, {scope: "col", "class": kindOf(c).side + (c.minor ? " minor" : "")});
      make("button", th, c.title, {type: "button", title: "sort by " + c.name}).addEventListener("click", function () {
        table.change({sort: table.state.sort === c.name ? "-" + c.name : c.name});
      });
      return th;
    });
    this.body = make("tbody", element);
    this.after = make("button", this.box, "more", {type: "button", "class": "more"});
    [this.before, this.after].forEach(function (button) {
      button.addEventListener("click", function () {
        table.shown += 5 * STEP;
        table.draw();
      });
    });
  };
  Table.prototype.hasDetail = function () {
    return this.def.columns.some(function (c) { return c.detail || c.kind === "lines" || c.kind === "stack" && data.stacks; });
  };
  // By the user: the state goes into the address.
  Table.prototype.change = function (what) {
    Object.assign(this.state, what);
    this.shown = STEP;
    this.marked = undefined;
    this.update();
    const words = [];
    Object.keys(this.state).forEach(function (name) {
      if (this.state[name] !== this.initial[name]) words.push(name + "=" + encodeURIComponent(this.state[name]));
    }, this);
    history.replaceState(null, "", "#" + this.id + (words.length > 0 ? "?" + words.join("&") : ""));
  };
  Table.prototype.textOf = function (i) {
    if (!this.texts) this.texts = [];
    if (this.texts[i] === undefined) {
      const row = this.def.rows[i];
      this.texts[i] = this.def.columns.map(function (c, n) { return row[n] === null ? "" : kindOf(c).text(row[n]); }).join("\n")
        .toLowerCase();
    }
    return this.texts[i];
  };
  Table.prototype.update = function () {
    const table = this, state = this.state, rows = this.def.rows;
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const least = state.level === "" || !this.def.level ? Infinity : Number(state.level);
    this.list = [];
    rows.forEach(function (row, i) {
      if (least !== Infinity && !(row[table.levelAt] <= least)) return;
      if (words.length > 0) {
        const text = table.textOf(i);
        if (!words.every(function (w) { return text.includes(w); })) return;
      }
      table.list.push(i);
    });
    const down = state.sort.startsWith("-"), name = down ? state.sort.slice(1) : state.sort;
    const at = this.def.columns.findIndex(function (c) { return c.name === name; });
    this.heads.forEach(function (th, n) {
      if (!th) return;
      if (n === at) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
      th.firstChild.textContent = table.def.columns[n].title + (n === at ? (down ? " \u25bc" : " \u25b2") : "");
    });
    if (at >= 0) {
      const compare = kindOf(this.def.columns[at]).compare;
      this.list.sort(function (i, j) { // what has no value comes last
        const a = rows[i][at], b = rows[j][at];
        if (a === null || b === null) return (a === null) - (b === null) || i - j;
        return (down ? compare(b, a) : compare(a, b)) || i - j;
      });
    }
    this.search.value = state.q;
    if (this.level) this.level.value = state.level;
    this.draw();
  };
  Table.prototype.draw = function () {
    const table = this, fromEnd = this.def.tail && this.state.sort === "";
    const total = this.list.length;
    let first = fromEnd ? Math.max(total - this.shown, 0) : 0;
    let last = fromEnd ? total : Math.min(this.shown, total);
    const at = this.marked === undefined ? -1 : this.list.indexOf(this.marked);
    if (at >= 0) {
      first = Math.min(first, Math.max(at - STEP / 2, 0));
      last = Math.max(last, Math.min(at + STEP / 2, total));
      if (at - first > 5 * STEP && !fromEnd) first = at - STEP / 2;
      if (last - at > 5 * STEP && fromEnd) last = at + STEP / 2;
    }
    const rows = document.createDocumentFragment();
    this.list.slice(first, last).forEach(function (i) { table.drawRow(rows, i); });
    this.body.replaceChildren(rows);
    this.before.hidden = first === 0;
    this.after.hidden = last === total;
    this.count.textContent = (total === this.def.rows.length ? "" : total + " of ") + this.def.rows.length
      + (last - first < total ? ", shown: " + (first + 1) + " to " + last : "");
  };
  Table.prototype.drawRow = function (parent, i) {
    const table = this, row = this.def.rows[i];
    const tr = make("tr", parent, null, {});
    if (i === this.marked) tr.className = "marked";
    if (this.def.level) tr.classList.add("l" + row[this.levelAt]);
    if (this.hasDetail()) {
      const open = this.opened.has(i);
      const button = make("button", make("td", tr, null, {"class": "open"}), open ? "\u2212" : "+", {type: "button", "aria-expanded": open,
        "aria-label": "details"});
      button.addEventListener("click", function () {
        if (!table.opened.delete(i)) table.opened.add(i);
        table.draw();
      });
    }
    this.def.columns.forEach(function (c, n) {
      if (c.detail) return;
      const kind = kindOf(c);
      const td = make("td", tr, null, {"class": kind.side + (c.minor ? " minor" : "")});
      if (kind.side === "number" && row[n] !== null && kind.text !== String) td.title = String(row[n]);
      draw(td, c, row[n], false);
    });
    if (this.opened.has(i)) this.drawDetail(parent, row);
  };
  Table.prototype.drawDetail = function (parent, row) {
    const wide = this.heads.filter(Boolean).length + 1;
    const td = make("td", make("tr", parent, null, {"class": "detail"}), null, {colspan: wide});
    this.def.columns.forEach(function (c, n) {
      if (row[n] === null) return;
      const line = make("div", td, c.title + ": ", {});
      if (c.kind === "lines") line.append("\n");
      draw(line, c, row[n], true);
      if (c.kind === "stack") showStack(td, row[n]);
    });
  };
  // The functions of the stack that a task has.
  function showStack(parent, key) {
    if (!hasRow("stacks", key)) return;
    const stacks = tables.stacks;
    const at = stacks.def.columns.findIndex(function (c) { return c.kind === "lines"; });
    make("pre", parent, stacks.def.rows[stacks.rowOf(String(key))][at]);
  }

  // --- the address

  function go() {
    const found = /^#([\w-]+)(?:\?(.*))?$/.exec(location.hash);
    if (!found) return;
    const table = tables[found[1]], place = document.getElementById(found[1]);
    if (!place) return;
    let target = place;
    if (table && found[2] !== undefined) {
      const asked = new URLSearchParams(found[2]);
      const row = asked.get("row");
      table.state = Object.assign({}, table.initial);
      ["q", "sort", "level"].forEach(function (name) { if (asked.has(name)) table.state[name] = asked.get(name); });
      table.shown = STEP;
      table.marked = row === null ? undefined : table.rowOf(row);
      if (table.marked !== undefined) table.opened.add(table.marked);
      table.update();
      target = table.body.querySelector(".marked") || place;
    }
    target.scrollIntoView({block: target === place ? "start" : "center"});
  }

  const tables = {};
  Object.keys(data).forEach(function (id) { tables[id] = new Table(id, data[id]); });
  Object.values(tables).forEach(function (table) { table.update(); }); // when all are known: they have links to each other
  window.addEventListener("hashchange", go);
  // On paper nothing can be opened.
  let closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach(function (d) { d.open = true; });
  });
  window.addEventListener("afterprint", function () { closed.forEach(function (d) { d.open = false; }); });
  go();
}());
]==]
