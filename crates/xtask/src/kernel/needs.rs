//! What the edge can't do without, kept apart from the fragment: an option that is lost from the fragment
//! must not go unnoticed.

/// Options that must be built into the kernel, by what needs them.
pub const NEEDS: &[(&str, &[&str])] = &[
    (
        "Multipath TCP",
        &[
            "CONFIG_INET",
            "CONFIG_IPV6",
            "CONFIG_MPTCP",
            "CONFIG_MPTCP_IPV6",
        ],
    ),
    (
        "the list of connections and subflows",
        &[
            "CONFIG_INET_DIAG",
            "CONFIG_INET_TCP_DIAG",
            "CONFIG_INET_MPTCP_DIAG",
        ],
    ),
    (
        "congestion control",
        &[
            "CONFIG_TCP_CONG_ADVANCED",
            "CONFIG_TCP_CONG_CUBIC",
            "CONFIG_TCP_CONG_BBR",
        ],
    ),
    (
        "the uplinks' queues",
        &[
            "CONFIG_NET_SCHED",
            "CONFIG_NET_SCH_FQ",
            "CONFIG_NET_SCH_FQ_CODEL",
        ],
    ),
    (
        "a routing table for each uplink",
        &[
            "CONFIG_IP_ADVANCED_ROUTER",
            "CONFIG_IP_MULTIPLE_TABLES",
            "CONFIG_IPV6_MULTIPLE_TABLES",
        ],
    ),
    (
        "nftables",
        &[
            "CONFIG_NETFILTER",
            "CONFIG_NETFILTER_ADVANCED",
            "CONFIG_NETFILTER_NETLINK",
            "CONFIG_NF_TABLES",
            "CONFIG_NF_TABLES_INET",
            "CONFIG_NF_TABLES_IPV4",
            "CONFIG_NF_TABLES_IPV6",
        ],
    ),
    (
        "capture by redirect, and masquerade",
        &[
            "CONFIG_NF_CONNTRACK",
            "CONFIG_NF_CONNTRACK_MARK",
            "CONFIG_NF_NAT",
            "CONFIG_NFT_CT",
            "CONFIG_NFT_NAT",
            "CONFIG_NFT_MASQ",
            "CONFIG_NFT_REDIR",
        ],
    ),
    (
        "capture by TPROXY",
        &[
            "CONFIG_NF_TPROXY_IPV4",
            "CONFIG_NF_TPROXY_IPV6",
            "CONFIG_NFT_TPROXY",
            "CONFIG_NF_SOCKET_IPV4",
            "CONFIG_NF_SOCKET_IPV6",
            "CONFIG_NFT_SOCKET",
        ],
    ),
    (
        "what is for the guest itself",
        &[
            "CONFIG_NFT_FIB_IPV4",
            "CONFIG_NFT_FIB_IPV6",
            "CONFIG_NFT_FIB_INET",
        ],
    ),
    (
        "refusals",
        &[
            "CONFIG_NFT_REJECT",
            "CONFIG_NFT_REJECT_INET",
            "CONFIG_NF_REJECT_IPV4",
            "CONFIG_NF_REJECT_IPV6",
        ],
    ),
    (
        "DHCP, status and control",
        &[
            "CONFIG_PACKET",
            "CONFIG_UNIX",
            "CONFIG_PROC_FS",
            "CONFIG_PROC_SYSCTL",
            "CONFIG_SYSFS",
            "CONFIG_EPOLL",
            "CONFIG_EVENTFD",
        ],
    ),
    (
        "its network namespace",
        &["CONFIG_NAMESPACES", "CONFIG_NET_NS"],
    ),
    (
        "Hyper-V",
        &[
            "CONFIG_HYPERV",
            "CONFIG_HYPERV_NET",
            "CONFIG_VSOCKETS",
            "CONFIG_HYPERV_VSOCKETS",
        ],
    ),
    ("modules", &["CONFIG_MODULES"]),
];

/// Each needed option, with what needs it.
pub fn needs() -> impl Iterator<Item = (&'static str, &'static str)> {
    NEEDS
        .iter()
        .flat_map(|(why, names)| names.iter().map(move |name| (*name, *why)))
}
