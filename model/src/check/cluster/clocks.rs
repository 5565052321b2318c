//! What the wall clocks showed, and so E (SPEC.md, "Clocks"): when the clock of a machine showed a time, by its nearest reading
//! with no step between; where there is none, as far from the truth as any clock of the run ever was.
//!
//! ```text
//!  reading ───── T shown ──── step back ───────── T shown again
//!                ▲ a bound counts from here       ▲ and starts again here
//! ```
//!
//! It knows no rule and no alarm.

use crate::history::{Header, Place, Scope};

/// How many steps are remembered of each clock. Before those it is unknown.
const STEPS_MAX: usize = 256;

/// A moment of true time, as narrow as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct When {
    pub(in crate::check) earliest_ns: u64,
    pub(in crate::check) latest_ns: u64,
}

impl When {
    pub(in crate::check) fn at(at_ns: u64) -> When {
        When { earliest_ns: at_ns, latest_ns: at_ns }
    }

    /// Not before that.
    pub(in crate::check) fn not_before(self, at_ns: u64) -> When {
        When { earliest_ns: self.earliest_ns.max(at_ns), latest_ns: self.latest_ns.max(at_ns) }
    }

    /// One or the other.
    pub(in crate::check) fn or(self, other: When) -> When {
        When {
            earliest_ns: self.earliest_ns.min(other.earliest_ns),
            latest_ns: self.latest_ns.max(other.latest_ns),
        }
    }
}

/// A step of a clock that starts a bound again.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Restart {
    pub(in crate::check) step_ns: u64,
    pub(in crate::check) from: When,
}

/// How far a clock was ahead of true time: true time plus this is what it showed.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at_ns: u64,
    ahead_ns: i128,
}

/// A clock from one step to the next, with the last reading in between.
#[derive(Clone, Copy, Debug, Default)]
struct Era {
    begun_ns: u64,
    last: Option<Reading>,
}

#[derive(Clone, Debug, Default)]
struct Clock {
    past: Vec<Era>,
    now: Era,
    /// How far it was ahead when it was first read.
    first_ns: Option<i128>,
}

impl Clock {
    /// What is known of it from that time on, with where each part ends.
    fn eras(&self, after_ns: u64) -> impl Iterator<Item = (Era, u64)> {
        let eras = self.past.iter().chain([&self.now]);
        let ends = eras.clone().skip(1).map(|next| next.begun_ns).chain([u64::MAX]);
        eras.copied().zip(ends).filter(move |(_, end_ns)| *end_ns > after_ns)
    }
}

/// The wall clocks of a run.
#[derive(Debug, Default)]
pub(in crate::check) struct Clocks {
    machines: Vec<Clock>,
    error_max_ns: i128,
    drift_max_ppm: u64,
    /// What an exact clock shows at true time 0, if the header says.
    zero_ns: Option<i128>,
    /// How far the clocks were ahead when each was first read: the first of all, the least and the most.
    firsts: Option<(i128, i128, i128)>,
}

impl Clocks {
    pub(in crate::check) fn new(header: &Header) -> Self {
        let constants = &header.constants;
        Clocks {
            machines: Vec::new(),
            error_max_ns: i128::from(crate::check::ns(constants.wall_error_max_ms)),
            drift_max_ppm: constants.drift_max_ppm,
            zero_ns: header.wall_zero_ns.map(i128::from),
            firsts: None,
        }
    }

    /// A machine's clock is read.
    pub(in crate::check) fn see(&mut self, at_ns: u64, place: Place) {
        let ahead_ns = i128::from(place.wall_ns) - i128::from(at_ns);
        let firsts = &mut self.firsts;
        let clock = clock_of(&mut self.machines, place.machine);
        clock.now.last = Some(Reading { at_ns, ahead_ns });
        if clock.first_ns.is_none() {
            clock.first_ns = Some(ahead_ns);
            let (first, least, most) = firsts.unwrap_or((ahead_ns, ahead_ns, ahead_ns));
            *firsts = Some((first, least.min(ahead_ns), most.max(ahead_ns)));
        }
    }

    /// The clocks of these machines step.
    pub(in crate::check) fn step(&mut self, scope: &Scope, datacenter_of: &[u16], at_ns: u64) {
        match scope {
            Scope::Machine(machine) => self.steps(*machine, at_ns),
            Scope::Datacenter(datacenter) => {
                let machines = (0..=u16::MAX).zip(datacenter_of).filter(|(_, of)| *of == datacenter);
                machines.for_each(|(machine, _)| self.steps(machine, at_ns));
            }
            Scope::Links { .. } | Scope::Network | Scope::Service(_) => {}
        }
    }

    fn steps(&mut self, machine: u16, at_ns: u64) {
        let clock = clock_of(&mut self.machines, machine);
        if clock.past.len() == STEPS_MAX {
            clock.past.remove(0);
        }
        let past = std::mem::replace(&mut clock.now, Era { begun_ns: at_ns, last: None });
        clock.past.push(past);
    }

    /// Whether a machine's clock has stepped since then.
    pub(in crate::check) fn has_stepped_since(&self, machine: u16, since_ns: u64) -> bool {
        let clock = self.machines.get(usize::from(machine));
        clock.is_some_and(|clock| !clock.past.is_empty() && clock.now.begun_ns >= since_ns)
    }

    /// The machines whose clocks were ever read.
    pub(in crate::check) fn read(&self) -> impl Iterator<Item = u16> {
        let machines = (0..=u16::MAX).zip(&self.machines);
        machines.filter(|(_, clock)| clock.first_ns.is_some()).map(|(machine, _)| machine)
    }

    /// When the clock of a machine shows that time first, from `after_ns` on. None if no clock was ever read and the header
    /// does not say what one shows.
    pub(in crate::check) fn shows(&self, machine: u16, wall_ns: i128, after_ns: u64) -> Option<When> {
        let clock = self.machines.get(usize::from(machine));
        let mut earliest_ns = None;
        let eras = clock.into_iter().flat_map(|clock| clock.eras(after_ns));
        let unread = clock.is_none().then_some((Era::default(), u64::MAX));
        for (era, end_ns) in eras.chain(unread) {
            let when = self.shows_in(clock, &era, wall_ns)?.not_before(era.begun_ns.max(after_ns));
            if when.earliest_ns < end_ns {
                let earliest_ns = *earliest_ns.get_or_insert(when.earliest_ns);
                if when.latest_ns < end_ns || end_ns == u64::MAX {
                    return Some(When { earliest_ns, latest_ns: when.latest_ns });
                }
            }
        }
        Some(When::at(u64::MAX))
    }

    /// The same by one part of a clock's life alone, wherever that ends.
    fn shows_in(&self, clock: Option<&Clock>, era: &Era, wall_ns: i128) -> Option<When> {
        let (shown_ns, error_ns) = match era.last {
            Some(Reading { at_ns, ahead_ns }) => {
                let shown_ns = wall_ns - ahead_ns;
                let far_ns = (shown_ns - i128::from(at_ns)).abs();
                (shown_ns, far_ns / 1_000_000 * i128::from(self.drift_max_ppm))
            }
            None => {
                let (zero_ns, error_ns) = self.zero(clock)?;
                (wall_ns - zero_ns, error_ns)
            }
        };
        let clamp = |ns: i128| u64::try_from(ns.max(0)).unwrap_or(u64::MAX);
        Some(When { earliest_ns: clamp(shown_ns - error_ns), latest_ns: clamp(shown_ns + error_ns) })
    }

    /// What an exact clock shows at true time 0, and by how much a clock without a reading may differ from that. By itself that
    /// is what a clock showed first, if all agree; else one that may be wrong was read first.
    fn zero(&self, clock: Option<&Clock>) -> Option<(i128, i128)> {
        if let Some(zero_ns) = self.zero_ns {
            return Some((zero_ns, self.error_max_ns));
        }
        let (first, least, most) = self.firsts?;
        match clock.and_then(|clock| clock.first_ns) {
            Some(own) if most - least <= self.error_max_ns => Some((own, self.error_max_ns)),
            _ => Some((first, self.error_max_ns.saturating_mul(2))),
        }
    }

    /// Which steps of a machine's clock after `after_ns` start a bound again, for what waits for that time on it: each that
    /// sets it back before that, from where it shows it; of all others only the first.
    pub(in crate::check) fn restarts(&self, machine: u16, wall_ns: i128, after_ns: u64) -> Vec<Restart> {
        let Some(clock) = self.machines.get(usize::from(machine)) else { return Vec::new() };
        let steps = clock.past.iter().chain([&clock.now]).skip(1).map(|era| era.begun_ns);
        let (mut restarts, mut is_first) = (Vec::new(), true);
        for step_ns in steps.filter(|step_ns| *step_ns > after_ns) {
            let Some(shown) = self.shows(machine, wall_ns, step_ns) else { continue };
            let is_back = shown.latest_ns > step_ns;
            if is_back || std::mem::take(&mut is_first) {
                restarts.push(Restart { step_ns, from: shown });
            }
        }
        restarts
    }

    /// How far two readings, the second one the last of that machine, show that wall clocks differ in how far they are ahead;
    /// as far as any two of the run if one is missing.
    pub(in crate::check) fn difference_ns(&self, then: Option<(Place, u64)>, machine: Option<u16>) -> u64 {
        let now = machine.and_then(|machine| self.machines.get(usize::from(machine))?.now.last);
        let differ_ns = match (then, now) {
            (Some((place, at_ns)), Some(now)) => {
                let ahead_ns = i128::from(place.wall_ns) - i128::from(at_ns);
                (now.ahead_ns - ahead_ns).abs()
            }
            _ => self.error_max_ns.saturating_mul(2),
        };
        u64::try_from(differ_ns).unwrap_or(u64::MAX)
    }
}

fn clock_of(machines: &mut Vec<Clock>, machine: u16) -> &mut Clock {
    let index = usize::from(machine);
    if machines.len() <= index {
        machines.resize(index + 1, Clock::default());
    }
    &mut machines[index]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Constants, VERSION};

    const S: u64 = 1_000_000_000;

    fn clocks(wall_zero_ns: Option<i64>) -> Clocks {
        let header = Header {
            version: VERSION,
            product: String::new(),
            scenario: String::new(),
            seed: None,
            datacenter_of: vec![0, 1, 2],
            wall_zero_ns,
            system_group: None,
            alarm_classes: None,
            echoes: Vec::new(),
            omits: Vec::new(),
            constants: Constants { drift_max_ppm: 0, ..Constants::of_the_contract(5_000, 50) },
        };
        Clocks::new(&header)
    }

    fn reads(clocks: &mut Clocks, machine: u16, at_s: u64, wall_s: i64) {
        clocks.see(at_s * S, Place { machine, wall_ns: wall_s * S.cast_signed() });
    }

    fn shows(clocks: &Clocks, machine: u16, wall_s: u64, after_s: u64) -> (u64, u64) {
        let when = clocks.shows(machine, i128::from(wall_s * S), after_s * S).expect("a clock is known");
        (when.earliest_ns / S, when.latest_ns / S)
    }

    #[test]
    fn a_clock_shows_a_time_by_its_nearest_reading() {
        let mut clocks = clocks(None);
        reads(&mut clocks, 0, 1, 1_001);
        assert_eq!(shows(&clocks, 0, 1_010, 0), (10, 10));
        clocks.step(&Scope::Machine(0), &[], 4 * S);
        assert_eq!(
            shows(&clocks, 0, 1_010, 0),
            (5, 15),
            "nothing is known since the step but how wrong a clock may be"
        );
        reads(&mut clocks, 0, 5, 1_002);
        assert_eq!(shows(&clocks, 0, 1_010, 0), (13, 13), "it was set back by 3 s");
        assert_eq!(shows(&clocks, 0, 1_003, 0), (3, 3), "before it stepped");
        assert_eq!(shows(&clocks, 0, 1_003, 4), (6, 6), "and again");
        assert_eq!(shows(&clocks, 1, 1_010, 0), (0, 20), "a clock that was never read");
    }

    #[test]
    fn the_header_says_what_an_exact_clock_shows() {
        let known = clocks(Some(1_000 * S.cast_signed()));
        assert_eq!(shows(&known, 1, 1_010, 0), (5, 15));
        assert_eq!(clocks(None).shows(1, 0, 0), None);
    }

    #[test]
    fn which_steps_start_a_bound_again() {
        let mut clocks = clocks(None);
        let restarts = |clocks: &Clocks| {
            let all = clocks.restarts(0, i128::from(1_010 * S), 10 * S);
            all.into_iter().map(|it| (it.step_ns / S, it.from.latest_ns / S)).collect::<Vec<_>>()
        };
        reads(&mut clocks, 0, 1, 1_001);
        for (step_s, wall_s) in [(5, 1_005), (12, 1_020), (14, 1_023), (16, 1_000), (30, 1_050)] {
            clocks.step(&Scope::Machine(0), &[], step_s * S);
            reads(&mut clocks, 0, step_s, wall_s);
        }
        assert_eq!(
            restarts(&clocks),
            [(12, 12), (16, 26)],
            "the first of those that leave it shown, and one that does not"
        );
    }
}
