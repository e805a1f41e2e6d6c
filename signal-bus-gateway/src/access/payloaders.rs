//! The networks whose members may publish.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

/// Networks, by the notations that PyPubSub takes.
#[derive(Debug, Default)]
pub(crate) struct Payloaders {
    networks: Vec<IpNet>,
}

impl Payloaders {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }

    /// Whether a peer is in one of the networks; also if IPv6 carries its IPv4 address.
    pub(crate) fn contain(&self, peer: IpAddr) -> bool {
        let own = peer.to_canonical();
        let holds = |network: &IpNet| network.contains(&own) || network.contains(&peer);
        self.networks.iter().any(holds)
    }
}

/// Reads `10.0.0.1/24`, `10.0.0.1`, `10.0.0.0/255.255.255.0`, `10.0.0.0/0.0.0.255`, and IPv6 likewise; blanks around it do no harm.
pub(crate) fn read_network(written: &str) -> Option<IpNet> {
    let written = written.trim();
    let Some((address, mask)) = written.split_once('/') else {
        return Some(IpNet::from(written.parse::<IpAddr>().ok()?));
    };
    if !mask.is_empty() && mask.len() <= 3 && mask.bytes().all(|byte| byte.is_ascii_digit()) {
        return IpNet::new(address.parse().ok()?, mask.parse().ok()?).ok();
    }
    let (address, mask): (Ipv4Addr, Ipv4Addr) = (address.parse().ok()?, mask.parse().ok()?);
    let length = prefix_length(u32::from(mask))?;
    Ipv4Net::new(address, length).ok().map(IpNet::from)
}

/// How many bits a mask sets, or leaves, at its start.
fn prefix_length(mask: u32) -> Option<u8> {
    let is_prefix =
        |mask: u32| mask.leading_ones() + mask.trailing_zeros().min(32) == 32 || mask == u32::MAX;
    let mask = [mask, !mask].into_iter().find(|mask| is_prefix(*mask))?;
    u8::try_from(mask.leading_ones()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Payloaders, read_network};

    #[test]
    fn every_notation_that_pypubsub_takes_is_taken() {
        for (written, inside, outside) in [
            ("127.0.0.1/24", "127.0.0.200", "127.0.1.1"),
            (" 10.1.2.3 ", "10.1.2.3", "10.1.2.4"),
            ("10.0.0.0/255.255.255.0", "10.0.0.9", "10.0.1.0"),
            ("10.0.0.0/0.0.0.255", "10.0.0.9", "10.0.1.0"),
            ("10.0.0.1/255.255.255.255", "10.0.0.1", "10.0.0.2"),
            ("2001:db8::1/32", "2001:db8:5::", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("10.0.0.1/32", "::ffff:10.0.0.1", "::ffff:10.0.0.2"),
        ] {
            let networks = Payloaders::new(vec![read_network(written).expect(written)]);
            assert!(
                networks.contain(inside.parse().expect(inside)),
                "{written} {inside}"
            );
            assert!(
                !networks.contain(outside.parse().expect(outside)),
                "{written} {outside}"
            );
        }
        let everybody = Payloaders::new(vec![read_network("0.0.0.0/0.0.0.0").expect("all")]);
        assert!(everybody.contain("8.8.8.8".parse().expect("an address")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for written in [
            "10/8",
            "localhost",
            "*",
            "10.0.0.0/33",
            "10.0.0.0/255.0.255.0",
            "",
            "/24",
            "10.0.0.1/",
            "::1/129",
            "10.0.0.1/-1",
            "10.0.0.1/+8",
        ] {
            assert_eq!(read_network(written), None, "{written}");
        }
    }

    #[test]
    fn nobody_is_in_no_network() {
        assert!(!Payloaders::default().contain("127.0.0.1".parse().expect("an address")));
    }
}
