//! One directed link: what troubles it now, and what becomes of each message for it.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Again, Fate, PPM, TroubleId, Worst};

#[derive(Debug)]
pub(super) struct Link {
    latency_ns: u64,
    jitter_ns: u64,
    /// From a machine to itself: nothing ever troubles it.
    inner: bool,
    /// What cuts the link now. It is open when nothing does.
    cuts: Vec<(TroubleId, Option<Flapping>)>,
    /// What slows it down now, with the factor in percent. The worst decides; of equals the first.
    slow: Vec<(TroubleId, u32)>,
    /// What makes it rough now. Of each harm the most likely one decides; of equals the first.
    rough: Vec<(TroubleId, Rough)>,
    rng: ChaCha8Rng,
    /// For what rough links do; from the first time on that it is one.
    rough_rng: Option<Box<ChaCha8Rng>>,
}

/// A cut that comes and goes: it begins cut, and is open and cut by turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flapping {
    /// When it begins.
    pub from_ns: u64,
    /// How long it is cut each time.
    pub cut_ns: u64,
    /// How long it is open between two times.
    pub open_ns: u64,
}

/// What a rough link does to single messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rough {
    /// Of a million so many are lost.
    pub lose_ppm: u32,
    /// Of a million so many are carried twice.
    pub duplicate_ppm: u32,
    /// Of a million so many are kept back.
    pub delay_ppm: u32,
    /// For so long at most. A second copy is kept back for so long at most, too.
    pub delay_ns_max: u64,
}

/// What a rough link has drawn for one message, whatever of it is needed.
struct Luck {
    lose: u64,
    duplicate: u64,
    delay: u64,
    delay_part: u64,
    copy_part: u64,
}

impl Flapping {
    fn is_cut(self, at_ns: u64) -> bool {
        (at_ns - self.from_ns) % (self.cut_ns + self.open_ns) < self.cut_ns
    }
}

impl Luck {
    /// Always the same number of draws.
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let (one, two) = (rng.next_u64(), rng.next_u64());
        let low = |word: u64| word & u64::from(u32::MAX);
        Self {
            lose: one >> 32,
            duplicate: low(one),
            delay: two >> 32,
            delay_part: low(two),
            copy_part: rng.next_u64() >> 32,
        }
    }
}

impl Link {
    pub(super) fn new(latency_ns: u64, jitter_ns: u64, inner: bool, rng: ChaCha8Rng) -> Self {
        Self {
            latency_ns,
            jitter_ns,
            inner,
            cuts: Vec::new(),
            slow: Vec::new(),
            rough: Vec::new(),
            rng,
            rough_rng: None,
        }
    }

    pub(super) fn cut(&mut self, id: TroubleId, flapping: Option<Flapping>) {
        if !self.inner {
            self.cuts.push((id, flapping));
        }
    }

    pub(super) fn slow_down(&mut self, id: TroubleId, percent: u32) {
        if !self.inner {
            self.slow.push((id, percent));
        }
    }

    pub(super) fn roughen(&mut self, id: TroubleId, rough: Rough, stream: impl FnOnce() -> ChaCha8Rng) {
        if !self.inner {
            self.rough.push((id, rough));
            self.rough_rng.get_or_insert_with(|| Box::new(stream()));
        }
    }

    /// Returns whether this one cut it.
    pub(super) fn mend(&mut self, id: TroubleId) {
        self.cuts.retain(|(cut, _)| *cut != id);
        self.slow.retain(|(slow, _)| *slow != id);
        self.rough.retain(|(rough, _)| *rough != id);
    }

    pub(super) fn cut_by(&self) -> Option<TroubleId> {
        self.cuts.first().map(|(cut, _)| *cut)
    }

    pub(super) fn closed_by(&self, at_ns: u64) -> Option<TroubleId> {
        let closes = |flapping: &Option<Flapping>| flapping.is_none_or(|flapping| flapping.is_cut(at_ns));
        self.cuts.iter().find(|(_, flapping)| closes(flapping)).map(|(cut, _)| *cut)
    }

    pub(super) fn worst(&self, losses: &[(TroubleId, u32)]) -> Worst {
        let longest_ns = self.latency_ns + self.jitter_ns;
        if self.inner {
            return Worst { lost_ppm: 0, takes_ns: longest_ns };
        }
        let ppm = |worst: Option<(TroubleId, u32)>| worst.map_or(0, |(_, ppm)| u64::from(ppm));
        let (one, other) = (ppm(worst(losses.iter().copied())), ppm(self.roughest(|rough| rough.lose_ppm)));
        // Lost to neither is what passes both.
        let passes = (PPM - one) * (PPM - other) / PPM;
        let percent = worst(self.slow.iter().copied()).map_or(100, |(_, percent)| u64::from(percent));
        let delay_ns = self.delay().map_or(0, |(_, _, delay_ns)| delay_ns);
        Worst {
            lost_ppm: u32::try_from(PPM - passes).expect("a part of a million"),
            takes_ns: longest_ns * percent / 100 + delay_ns,
        }
    }

    pub(super) fn send(&mut self, at_ns: u64, losses: &[(TroubleId, u32)]) -> Fate {
        let draw = self.rng.next_u64();
        let (luck, jitter) = (draw >> 32, draw & u64::from(u32::MAX));
        let roughly = match &mut self.rough_rng {
            Some(rng) if !self.rough.is_empty() => Some(Luck::draw(rng)),
            _ => None,
        };
        if let Some(cut) = self.closed_by(at_ns) {
            return Fate::Lost { to: cut };
        }
        if let (false, Some((id, ppm))) = (self.inner, worst(losses.iter().copied()))
            && strikes(luck, ppm)
        {
            return Fate::Lost { to: id };
        }
        let mut after_ns = self.latency_ns + part(jitter, self.jitter_ns);
        let slow = worst(self.slow.iter().copied());
        if let Some((_, percent)) = slow {
            after_ns = after_ns * u64::from(percent) / 100;
        }
        let slowed_by = slow.map(|(id, _)| id);
        match roughly {
            None => Fate::Arrives { after_ns, slowed_by, delayed_by: None, again: None },
            Some(luck) => self.send_roughly(after_ns, slowed_by, &luck),
        }
    }

    fn send_roughly(&self, after_ns: u64, slowed_by: Option<TroubleId>, luck: &Luck) -> Fate {
        if let Some((id, ppm)) = self.roughest(|rough| rough.lose_ppm)
            && strikes(luck.lose, ppm)
        {
            return Fate::Lost { to: id };
        }
        let delay = self.delay().filter(|(_, ppm, _)| strikes(luck.delay, *ppm));
        let delay_ns = delay.map_or(0, |(_, _, delay_ns)| part(luck.delay_part, delay_ns));
        let twice = self.roughest(|rough| rough.duplicate_ppm);
        let again = twice.filter(|(_, ppm)| strikes(luck.duplicate, *ppm)).map(|(by, _)| {
            let of_that = self.rough.iter().find(|(id, _)| *id == by);
            let longest_ns = of_that.map_or(0, |(_, rough)| rough.delay_ns_max).max(self.jitter_ns);
            Again { after_ns: after_ns + part(luck.copy_part, longest_ns), by }
        });
        Fate::Arrives {
            after_ns: after_ns + delay_ns,
            slowed_by,
            delayed_by: delay.map(|(id, ..)| id),
            again,
        }
    }

    /// The most likely of a harm that the link does by being rough, of equals the first.
    fn roughest(&self, of: impl Fn(&Rough) -> u32) -> Option<(TroubleId, u32)> {
        worst(self.rough.iter().map(|(id, rough)| (*id, of(rough))))
    }

    /// What keeps messages back now: how many of a million, and for how long at most, in nanoseconds.
    fn delay(&self) -> Option<(TroubleId, u32, u64)> {
        let (id, ppm) = self.roughest(|rough| rough.delay_ppm)?;
        let (_, rough) = self.rough.iter().find(|(rough, _)| *rough == id)?;
        (ppm > 0).then_some((id, ppm, rough.delay_ns_max))
    }
}

/// Whether a draw of 32 bits is among so many of a million.
pub(super) fn strikes(draw: u64, ppm: u32) -> bool {
    (draw * PPM) >> 32 < u64::from(ppm)
}

/// A length from nothing to `longest_ns`, by a draw of 32 bits.
fn part(draw: u64, longest_ns: u64) -> u64 {
    ((u128::from(draw) * (u128::from(longest_ns) + 1)) >> 32) as u64
}

/// The worst of several troubles of a kind, of equals the first.
pub(super) fn worst(troubles: impl Iterator<Item = (TroubleId, u32)>) -> Option<(TroubleId, u32)> {
    troubles.reduce(|worst, other| if other.1 > worst.1 { other } else { worst })
}
