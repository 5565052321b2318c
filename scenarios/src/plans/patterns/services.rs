//! Outside services that behave badly for minutes. Six retries take 126 s (R2): who does not catch the failure loses its
//! alarm for good (X5).

use reveille_sim::kinds::outside::{OutageKind, Refuse, Slow};

use super::super::trouble::{Ground, Trouble};

/// They refuse, or give no answer, for half a minute to four minutes.
pub(in super::super) fn failing_services(ground: &mut Ground<'_>) -> Trouble {
    let status = ground.dice.one_of(&[429, 500, 503]);
    let kind = if ground.dice.percent(60) { OutageKind::Fail } else { OutageKind::Refuse(Refuse { status }) };
    // Mostly longer than all retries together, the longest waits between them included.
    let for_ms = if ground.dice.percent(75) { 170_000..240_000 } else { 30_000..170_000_u64 };
    Trouble::default().and_outage(0, ground.dice.draw(for_ms), kind)
}

/// They take seconds longer, or longer than anybody waits, for half a minute to four minutes.
pub(super) fn slow_services(ground: &mut Ground<'_>) -> Trouble {
    let kind = OutageKind::Slow(Slow { extra_ms: ground.dice.log(1_000..60_000) });
    Trouble::default().and_outage(0, ground.dice.draw(30_000..240_000_u64), kind)
}
