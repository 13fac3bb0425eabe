//! Which addresses are on the internet, and which are nearer than a guest may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use theater_flow_kernel::http::{Address, HttpError, HttpErrorCode};

/// Checks where a host leads. The error does not say where: that is nothing for a guest to learn.
pub(super) fn check(to: &Address, local: bool, addresses: &[SocketAddr]) -> Result<(), HttpError> {
    let denied = |why: &str| {
        let message = format!("`{}` leads to an address {why}", to.host);
        Err(HttpError::new(HttpErrorCode::Denied, message))
    };
    let mut ips = addresses.iter().map(|address| address.ip().to_canonical());
    // Who writes the address itself into the grant means it; a name may change where it leads.
    let named = to.host.parse::<IpAddr>().is_err();
    if local && named && ips.any(is_special) {
        denied("of metadata, of a single link or of many machines, which a grant must name itself")
    } else if !local && !ips.all(is_public) {
        denied("on this machine or in a private network: the grant needs `local = true`")
    } else {
        Ok(())
    }
}

/// Where clouds keep their metadata, and what is no single machine elsewhere.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(AZURE),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Not private by its number, and yet the same for every machine of that cloud.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// True if not even a name that may be near may lead there.
pub(super) fn is_special(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let link = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast() || ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_unspecified(),
    };
    link || ip.is_multicast() || METADATA.contains(&ip)
}

/// True if the address is one of the public internet: not this machine, not a private, shared, link-local (where
/// clouds keep their metadata), multicast, reserved or documentation address, nor one of these in the clothes of
/// version 6.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let near = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        // This network; shared by a carrier; protocol assignments; benchmarks; relays; reserved.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240
        || ip == AZURE;
    !near
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    let four = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Mapped, and translated by a gateway: what counts is the address inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            four(high, low)
        }
        [0x2002, high, low, ..] => four(high, low),
        // Only 2000::/3 is given out, and of that not documentation, protocol assignments and tunnels.
        [0x2001, 0xdb8, ..] => false,
        [0x2001, second, ..] if second < 0x200 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}
