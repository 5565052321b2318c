//! Histories by hand that read like the story they tell, for tests and whoever wants to ask the checkers something. One
//! object; times in seconds of the run; wall clocks are right unless the story says otherwise.
//!
//! ```
//! use reveille_model::build::told;
//!
//! let tale = told(|tale| {
//!     tale.set_alarm(1, 5.0).commit().respond();
//!     tale.at(5.0).turn(2).run(1, 1, 5.0, 0).run_ok(1).commit_end(1);
//!     tale.at(6.0).turn(3).run(2, 1, 5.0, 0);
//! });
//! assert_eq!(tale.is_refused("F4").rule.0, "F4");
//! ```

mod words;

use crate::Profile;
use crate::history::{By, Constants, Event, Header, History, ObjectName, Omission, Place, VERSION, What};
use crate::verdict::{Verdict, Violation};

/// The wall clock at the begin of the run.
const WALL_MS: i64 = 1_700_000_000_000;

/// E of these histories.
pub const WALL_ERROR_MAX_MS: u64 = 500;

/// A history that is being told.
#[derive(Clone, Debug)]
pub struct Tale {
    events: Vec<Event>,
    at_ns: u64,
    machine: u16,
    clock_off_ms: i64,
    instance: u64,
    epoch: Option<u64>,
    turn: u32,
    op: u64,
    omits: Vec<Omission>,
    datacenter_of: Vec<u16>,
    alarm_classes: Vec<&'static str>,
    wall_error_max_ms: u64,
    rebuild_ms: Option<u64>,
    speed: Option<u64>,
    queue_bound: Option<u64>,
    outbound_limit_ms: Option<u64>,
    echoes: bool,
}

/// The wall time that many seconds into the run.
pub fn wall_ms(seconds: f64) -> i64 {
    WALL_MS + (seconds * 1_000.0).round() as i64
}

/// The object that a tale is about.
pub fn object() -> ObjectName {
    ObjectName("Batcher/0".into())
}

impl Tale {
    /// Machine 0, instance 1, turn 1, at the begin of the run.
    pub fn new() -> Self {
        let mut tale = Tale::of_machines();
        tale.start(1);
        tale
    }

    /// The same, told by somebody who does not know when what is durable.
    pub fn without_commits() -> Self {
        Tale { omits: vec![Omission::Commits], ..Tale::new() }
    }

    /// No object yet.
    pub fn of_machines() -> Self {
        Tale {
            events: Vec::new(),
            at_ns: 0,
            machine: 0,
            clock_off_ms: 0,
            instance: 1,
            epoch: None,
            turn: 1,
            op: 0,
            datacenter_of: vec![0, 1, 2],
            alarm_classes: vec!["Batcher"],
            wall_error_max_ms: WALL_ERROR_MAX_MS,
            rebuild_ms: None,
            speed: None,
            queue_bound: None,
            outbound_limit_ms: None,
            echoes: false,
            omits: Vec::new(),
        }
    }

    /// Where each machine stands. Without this each of three has a datacenter of its own.
    pub fn datacenters(&mut self, datacenter_of: &[u16]) -> &mut Self {
        self.datacenter_of = datacenter_of.to_vec();
        self
    }

    /// The object's class declares no `alarm()`.
    pub fn declares_no_alarm(&mut self) -> &mut Self {
        self.alarm_classes.clear();
        self
    }

    /// Wall clocks err by at most so much. Without this by [`WALL_ERROR_MAX_MS`].
    pub fn clocks_err_by(&mut self, ms: u64) -> &mut Self {
        self.wall_error_max_ms = ms;
        self
    }

    /// A replica that is built anew needs at most so long.
    pub fn rebuilds_within(&mut self, ms: u64) -> &mut Self {
        self.rebuild_ms = Some(ms);
        self
    }

    /// A machine does so many events a second.
    pub fn speed(&mut self, events_a_second: u64) -> &mut Self {
        self.speed = Some(events_a_second);
        self
    }

    /// So many requests may wait on a machine.
    pub fn queue_bound(&mut self, requests: u64) -> &mut Self {
        self.queue_bound = Some(requests);
        self
    }

    /// A call to an outside service fails after so long.
    pub fn calls_last(&mut self, ms: u64) -> &mut Self {
        self.outbound_limit_ms = Some(ms);
        self
    }

    /// The answers of the object say what its code was given.
    pub fn echoes(&mut self) -> &mut Self {
        self.echoes = true;
        self
    }

    /// It is now so many seconds into the run.
    pub fn at(&mut self, seconds: f64) -> &mut Self {
        self.at_ns = (seconds * 1e9).round() as u64;
        self
    }

    /// What follows happens on this machine.
    pub fn on(&mut self, machine: u16) -> &mut Self {
        self.machine = machine;
        self
    }

    /// The wall clock of what follows is ahead by so much.
    pub fn clock_off_ms(&mut self, clock_off_ms: i64) -> &mut Self {
        self.clock_off_ms = clock_off_ms;
        self
    }

    /// What follows is done by this instance.
    pub fn as_instance(&mut self, instance: u64) -> &mut Self {
        self.instance = instance;
        self
    }

    /// The instances that follow run under this epoch. Without this an instance's epoch is its number.
    pub fn under_epoch(&mut self, epoch: u64) -> &mut Self {
        self.epoch = Some(epoch);
        self
    }

    /// What follows happens in this turn.
    pub fn turn(&mut self, turn: u32) -> &mut Self {
        self.turn = turn;
        self
    }

    /// Something that an instance does.
    pub fn does(&mut self, what: What) -> &mut Self {
        let (instance, turn) = (self.instance, self.turn);
        let epoch = self.epoch.unwrap_or(instance);
        let by = Some(By { object: object(), instance, epoch, seq: 0, turn });
        self.push(by, what)
    }

    /// Something that no instance does.
    pub fn world(&mut self, what: What) -> &mut Self {
        self.push(None, what)
    }

    /// What happens next. Where it stands in its instance's order follows from where it stands here.
    pub fn push(&mut self, by: Option<By>, what: What) -> &mut Self {
        let by = by.map(|by| By { seq: self.events.len() as u32, ..by });
        let wall_ns = (WALL_MS + self.clock_off_ms) * 1_000_000 + self.at_ns as i64;
        let place = by.as_ref().map(|_| Place { machine: self.machine, wall_ns });
        self.events.push(Event { at_ns: self.at_ns, place, by, what });
        self
    }

    /// Something that a machine says about itself.
    pub fn on_machine(&mut self, machine: u16, what: What) -> &mut Self {
        let wall_ns = WALL_MS * 1_000_000 + self.at_ns as i64;
        let place = Some(Place { machine, wall_ns });
        self.events.push(Event { at_ns: self.at_ns, place, by: None, what });
        self
    }

    /// What the checkers say, by the whole contract.
    pub fn verdict(&self) -> Verdict {
        self.verdict_by(Profile::Strict)
    }

    /// What the checkers say, by this profile.
    pub fn verdict_by(&self, profile: Profile) -> Verdict {
        crate::check(&History { header: self.header(), events: self.events.clone() }, profile)
    }

    /// The constants of the run that it tells of.
    pub fn header(&self) -> Header {
        let alarm_classes = self.alarm_classes.iter().map(|class| (*class).into()).collect();
        Header {
            datacenter_of: self.datacenter_of.clone(),
            alarm_classes: Some(alarm_classes),
            echoes: if self.echoes { vec!["Batcher".into()] } else { Vec::new() },
            omits: self.omits.clone(),
            constants: Constants {
                rebuild_ms: self.rebuild_ms,
                speed: self.speed,
                queue_bound: self.queue_bound,
                outbound_limit_ms: self.outbound_limit_ms,
                ..Constants::of_the_contract(self.wall_error_max_ms, 50)
            },
            ..header()
        }
    }

    /// What was told so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The contract allows this history.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[track_caller]
    pub fn is_accepted(&self) {
        assert_eq!(self.verdict().violations, [], "a legal history was refused");
    }

    /// The history breaks this rule, once, and no other. Returns the violation.
    ///
    /// # Panics
    ///
    /// If it does not, or breaks more.
    #[track_caller]
    pub fn is_refused(&self, rule: &str) -> Violation {
        let violations = self.verdict().violations;
        let rules: Vec<&str> = violations.iter().map(|violation| violation.rule.0).collect();
        assert_eq!(rules, [rule], "{violations:#?}");
        let violation = violations.into_iter().next().expect("one was just counted");
        let evidence = &violation.evidence;
        assert!(evidence.is_sorted() && !evidence.is_empty(), "evidence ascends: {evidence:?}");
        assert!(evidence.iter().all(|index| *index < self.events.len()), "evidence exists: {evidence:?}");
        violation
    }
}

impl Default for Tale {
    fn default() -> Self {
        Tale::new()
    }
}

/// What the checkers say to these events.
pub fn verdict(events: Vec<Event>) -> Verdict {
    crate::check(&History { header: header(), events }, Profile::Strict)
}

/// A header with the constants of the contract: three machines, each in a datacenter of its own, and one class with alarms.
pub fn header() -> Header {
    Header {
        version: VERSION,
        product: "by hand".to_owned(),
        scenario: String::new(),
        seed: None,
        datacenter_of: vec![0, 1, 2],
        wall_zero_ns: None,
        system_group: None,
        alarm_classes: Some(vec!["Batcher".into()]),
        echoes: Vec::new(),
        omits: Vec::new(),
        constants: Constants::of_the_contract(WALL_ERROR_MAX_MS, 50),
    }
}

/// A history told by `tell`, which begins as [`Tale::new`] does.
pub fn told(tell: impl FnOnce(&mut Tale)) -> Tale {
    let mut tale = Tale::new();
    tell(&mut tale);
    tale
}
