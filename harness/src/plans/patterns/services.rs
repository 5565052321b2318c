//! Outside services that behave badly for minutes, and connections that do. Six retries take 126 s (R2): who does not catch
//! the failure loses its alarm for good (X5).

use reveille_sim::kinds::RoughConnections;
use reveille_sim::kinds::outside::{OutageKind, Refuse, Slow};
use reveille_sim::plan::ConnectionsOf;

use super::super::trouble::{Ground, Trouble};

/// They refuse, break connections or say nothing at all, for half a minute to four minutes.
pub(in super::super) fn failing_services(ground: &mut Ground<'_>) -> Trouble {
    let status = ground.dice.one_of(&[429, 500, 503]);
    // Mostly they fail at once: during a silence fewer runs have their turn, and not every object minds a refusal.
    let kind = match ground.dice.draw(0..8_u8) {
        0..5 => OutageKind::Fail,
        5..7 => OutageKind::Silent,
        _ => OutageKind::Refuse(Refuse { status }),
    };
    // Mostly longer than all retries together, the longest waits between them included.
    let for_ms = if ground.dice.percent(85) { 170_000..240_000 } else { 30_000..170_000_u64 };
    Trouble::default().and_outage(0, ground.dice.draw(for_ms), kind)
}

/// They take seconds longer, or longer than anybody waits, for half a minute to four minutes.
pub(super) fn slow_services(ground: &mut Ground<'_>) -> Trouble {
    let kind = OutageKind::Slow(Slow { extra_ms: ground.dice.log(1_000..60_000) });
    Trouble::default().and_outage(0, ground.dice.draw(30_000..240_000_u64), kind)
}

/// The connections of one to four machines with clients, services or both are slow, or break.
pub(super) fn rough_connections(ground: &mut Ground<'_>) -> Trouble {
    (0..ground.dice.draw(1..=4_u8)).fold(Trouble::default(), |trouble, _| {
        let of = [ConnectionsOf::Clients, ConnectionsOf::Services, ConnectionsOf::Both];
        let (target, of) = (ground.anybody(), ground.dice.one_of(&of));
        let (break_ppm, delay_ms_max) = ground.dice.draw((0..500_000_u32, 10..10_000_u32));
        let (at_ms, for_ms) = (ground.dice.draw(0..20_000_u64), ground.lasting_ms());
        trouble.and(at_ms, RoughConnections { target, of, break_ppm, delay_ms_max, for_ms })
    })
}
