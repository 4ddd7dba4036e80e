// SPDX-License-Identifier: BSD-2-Clause
// Functions of netfilter in the first network namespace: for net_spec.lua.
#include "lab.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/net_namespace.h>

static unsigned int lab_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state) {
    return NF_ACCEPT;
}
static unsigned int lab_hook_late(void *priv, struct sk_buff *skb,
                                  const struct nf_hook_state *state) {
    return NF_ACCEPT;
}

static const struct nf_hook_ops lab_hooks[] = {
    {.hook = lab_hook_late, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_IN, .priority = 1000},
    {.hook = lab_hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_IN, .priority = -1000},
    {.hook = lab_hook, .pf = NFPROTO_IPV6, .hooknum = NF_INET_FORWARD, .priority = 7},
};

void lab_netfilter(void) {
    if (nf_register_net_hooks(&init_net, lab_hooks, ARRAY_SIZE(lab_hooks)))
        pr_warn("lab: no netfilter\n");
}
