//! Counts what passes between the host and the Internet by each uplink, and not through a socket of ours: it shows
//! that the uplink works, and by its end that it may not.

use netcfg::nft::{
    Base, Chain, ChainKind, Hook, InterfacePattern, MarkTest, Match, Rule, Statement,
};

use super::udp::{far4, far6};
use super::{base, interface};
use crate::numbers::FROM_HOST;
use crate::passing::{CHAIN, Direction, comment};
use crate::uplink::Uplink;

/// After what refuses: a refused packet does not pass.
const LAST: i32 = Base::FILTER + 1;

/// What an uplink's own network says, such as a printer there, is no sign of the Internet.
pub(super) fn count(host: &InterfacePattern, uplinks: &[Uplink<'_>]) -> Chain {
    let chain = base(CHAIN, ChainKind::Filter, Hook::Forward, LAST);
    uplinks.iter().fold(chain, |chain, uplink| {
        let link = || interface(uplink.link.name.as_ref());
        let sent = [far4(Match::Destination4), far6(Match::Destination6)];
        let came = [far4(Match::Source4), far6(Match::Source6)];
        let sent = sent.map(|far| {
            counting(Direction::Sent, uplink)
                .when(Match::InputInterface(host.clone().into()))
                .when(Match::OutputInterface(link().into()))
                .when(far)
        });
        let came = came.map(|far| {
            counting(Direction::Came, uplink)
                .when(Match::InputInterface(link().into()))
                .when(Match::OutputInterface(host.clone().into()))
                .when(far)
        });
        sent.into_iter().chain(came).fold(chain, Chain::with)
    })
}

fn counting(direction: Direction, uplink: &Uplink<'_>) -> Rule {
    Rule::new([Statement::Counter])
        .comment(comment(direction, uplink.link.index))
        .when(Match::CtMark(MarkTest::is(FROM_HOST)))
}
