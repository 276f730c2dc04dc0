//! Which addresses a tenant may have us call: those that anybody on the internet can, and none of the network that we
//! ourselves stand in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where addresses that tenants give may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Networks {
    /// To the internet alone.
    #[default]
    Public,
    /// Anywhere: whoever runs the installation has providers in a network of its own, or sits at a desk.
    Any,
}

impl Networks {
    /// Whether this address may be called.
    #[must_use]
    pub fn allow(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Any => true,
        }
    }

    /// Whether a host of this name may be looked up at all. What it leads to is another question.
    #[must_use]
    pub fn allow_name(self, name: &str) -> bool {
        match self {
            Self::Public => is_public_name(name),
            Self::Any => true,
        }
    }
}

/// What is not the internet's. Source: IANA, "IPv4 Special-Purpose Address Registry".
const NOT_PUBLIC: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // The metadata of a machine in AWS among them.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only addresses of IPv6 that are given out to the internet.
const GIVEN_OUT: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// And what of them is not. Source: IANA, "IPv6 Special-Purpose Address Registry".
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 3] = [
    // Teredo among them, which hides an address of IPv4.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Addresses that stand for one of IPv4, and after how many bits that begins: as it is, by NAT64, by 6to4.
const STANDING_FOR_V4: [(Ipv6Addr, u32, u32); 3] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 96),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, 96),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 16),
];

/// Names that lead into a network of one's own, themselves and all below them.
const INTERNAL_NAMES: [&str; 5] = ["localhost", "local", "localdomain", "internal", "home.arpa"];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match v4_of(address) {
            Some(address) => is_public_v4(address),
            None => {
                is_in_v6(address, GIVEN_OUT)
                    && !NOT_PUBLIC_V6.iter().any(|net| is_in_v6(address, *net))
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in = |(net, length): &(Ipv4Addr, u32)| {
        (address.to_bits() ^ net.to_bits()).leading_zeros() >= *length
    };
    !NOT_PUBLIC.iter().any(is_in)
}

fn is_in_v6(address: Ipv6Addr, (net, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ net.to_bits()).leading_zeros() >= length
}

/// The address of IPv4 that one of IPv6 stands for.
fn v4_of(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let mut forms = STANDING_FOR_V4.into_iter();
    let (_, _, before) = forms.find(|(net, length, _)| is_in_v6(address, (*net, *length)))?;
    let begins_with_it = (address.to_bits() << before).to_be_bytes();
    let [a, b, c, d, ..] = begins_with_it;
    Some(Ipv4Addr::new(a, b, c, d))
}

/// A name without a dot is looked up in a network's own domain.
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_internal = |internal: &str| {
        let above = name.strip_suffix(internal);
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    name.contains('.') && !INTERNAL_NAMES.into_iter().any(is_internal)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn allowed(address: &str) -> bool {
        Networks::Public.allow(address.parse().unwrap())
    }

    #[test]
    fn an_address_of_the_internet_may_be_called() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001:80b::200e",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert!(allowed(address), "{address}");
        }
    }

    #[test]
    fn an_address_of_any_other_network_may_not_however_it_is_written() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1.1.1.1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "3fff::1",
            "4000::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!allowed(address), "{address}");
            assert!(Networks::Any.allow(address.parse().unwrap()));
        }
    }

    #[test]
    fn a_name_of_ones_own_network_is_not_looked_up() {
        for name in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "my.localhost",
            "printer.local",
            "metadata.google.internal",
            "ip-10-0-0-1.eu-central-1.compute.internal",
            "router.home.arpa",
            "gateway",
            "instance-data",
            "",
        ] {
            assert!(!Networks::Public.allow_name(name), "{name}");
        }
        for name in [
            "api.fonnte.com",
            "notifapi.com.",
            "notlocal.example.com",
            "my-internal.io",
        ] {
            assert!(Networks::Public.allow_name(name), "{name}");
        }
    }
}
