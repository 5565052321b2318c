//! A machine's own session, and its picture of the registry.
//!
//! ```text
//! machine    asks (over n) ···· asks again ················· hears of n + 1
//!            │                                              │ from here on its lease lasts until this + LEASE
//!            ▼ asked_ns                                     ▼                              │
//! registry        n becomes n + 1 (once)                                                   │
//! a leader             sees n + 1 ─────── unchanged for LEASE and the drift ───────────────┼─▶ End(n + 1)
//! ```
//!
//! Why nothing leaves a machine after its session has ended (O1): the lease counts on the machine's own monotonic clock from
//! before the *first* asking of the renewal whose number came back (DESIGN.md, "Sessions"). A renewal raises the number only
//! from the one that it names, and the machine names a number only once an answer has told it. So whichever copy of the
//! asking it was that raised the number, it was sent after `asked_ns`, and whoever sees the new number sees it later still;
//! copies that come late, twice or in another order find another number and change nothing. Whoever ends the session has
//! seen the number unchanged for longer than the lease, and his ending has no effect if it has changed. By then this machine
//! has fallen silent.
//!
//! A machine that is heard and hears nothing raises its number once more at most: its session ends like that of a dead one.
//!
//! The first number, 0, comes with the opening, which counts as its asking. An opening is this machine's if it follows as
//! many sessions as this machine named and was made by this boot: then it was asked for by this very question.

use crate::client::{Client, Purpose};
use crate::config::NS_PER_MS;
use crate::cx::Cx;
use crate::ids::{DatacenterId, MachineId, SessionId, SliceId};
use crate::leader::{self, LEASE_MS, RENEW_MS, Watch};
use crate::registry::{Change, Renewal, Roster, Yield};
use crate::store::command::Command;
use crate::wire::Message;

#[cfg(test)]
mod tests;

/// What a machine knows of the registry, and its own place in it.
#[derive(Debug)]
pub(crate) struct Membership {
    me: MachineId,
    /// Different for each boot of the machine.
    boot: u64,
    session: Option<Own>,
    /// Until when the lease is sure, on the machine's own monotonic clock.
    lease_until_ns: u64,
    /// Whether the lease had run out when it was last renewed.
    ran_out: bool,
    /// What was asked for and is not answered yet.
    asked: Option<Asked>,
    next_ask_ns: u64,
    roster: Option<(u64, Roster)>,
    watch: Watch,
    /// Whether a decision about others is in flight.
    deciding: bool,
    /// Slices that it gives up, until the registry knows.
    yields: Vec<Yield>,
    /// The last term that this machine led.
    led_term: u64,
}

/// The machine's own session, as far as it has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    id: SessionId,
    renewal: u64,
}

/// An opening or renewal on its way. It may be sent more than once, and stays the same.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// When it was asked for first.
    at_ns: u64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// To open a session after so many.
    Open(u64),
    /// To renew this one.
    Renew(Own),
}

/// What a newer roster means for the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing that it did not know.
    None,
    /// The roster is newer than the one before.
    Newer,
    /// The machine's own session has ended: whatever it holds is lost to it.
    Ended,
}

impl Membership {
    pub(crate) fn new(me: MachineId, boot: u64) -> Self {
        Self {
            me,
            boot,
            session: None,
            lease_until_ns: 0,
            ran_out: false,
            asked: None,
            next_ask_ns: 0,
            roster: None,
            watch: Watch::default(),
            deciding: false,
            yields: Vec::new(),
            led_term: 0,
        }
    }

    /// The newest roster that has been heard of.
    pub(crate) fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref().map(|(_, roster)| roster)
    }

    /// The machine's session, if it has one.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.session.map(|own| own.id)
    }

    /// O1: whether responses and outbound requests may leave now.
    pub(crate) fn may_emit(&self, now_ns: u64) -> bool {
        self.session.is_some() && now_ns < self.lease_until_ns
    }

    /// Opens or renews the session when it is time, and decides about others.
    pub(crate) fn tick(&mut self, client: &mut Client, cx: &mut Cx<'_>) {
        if let Some(change) = self.ask(cx.now.mono_ns) {
            client.propose(Purpose::Session, Command::Registry(change), cx);
        }
        self.decide(client, cx);
    }

    /// The opening or renewal that is to be asked for now, until it is answered.
    fn ask(&mut self, now_ns: u64) -> Option<Change> {
        if self.asked.is_some() || now_ns < self.next_ask_ns {
            return None;
        }
        let what = self.session.map_or_else(|| What::Open(self.opened()), What::Renew);
        self.asked = Some(Asked { at_ns: now_ns, what });
        Some(self.change(what))
    }

    /// How many sessions this machine has opened, as far as it has heard. Before it has heard anything it takes itself for
    /// new; if it is not, the answer says so.
    fn opened(&self) -> u64 {
        self.roster().map_or(0, |roster| roster.opened(self.me))
    }

    fn change(&self, what: What) -> Change {
        match what {
            What::Open(over) => Change::Open { machine: self.me, boot: self.boot, over },
            What::Renew(Own { id, renewal }) => {
                let renewal = Renewal { session: id, over: renewal, ran_out: self.ran_out };
                // How much time has passed is for the leader of the system group to say.
                Change::Renew { beats: 0, renewals: vec![renewal] }
            }
        }
    }

    fn decide(&mut self, client: &mut Client, cx: &mut Cx<'_>) {
        let (Some(own), Some((_, roster))) = (self.session, &self.roster) else { return };
        if self.deciding || !self.may_emit(cx.now.mono_ns) {
            return;
        }
        let yields =
            (!self.yields.is_empty()).then(|| Change::Yield { session: own.id, what: self.yields.clone() });
        let decision = yields
            .or_else(|| leader::decide(cx.config, self.me, own.id, roster, &self.watch, cx.now.mono_ns));
        if let Some(change) = decision {
            self.deciding = true;
            client.propose(Purpose::Decision, Command::Registry(change), cx);
        }
    }

    /// The registry's answer to the opening or renewal of the session.
    pub(crate) fn renewed(&mut self, index: u64, roster: Roster, cx: &Cx<'_>) -> News {
        let Asked { at_ns, what } = self.asked.take().expect("a renewal is answered once");
        if let Some(own) = self.granted(what, &roster) {
            // Of a new session it is not told: the registry knows that the one before was lost.
            self.ran_out = self.session.is_some() && cx.now.mono_ns >= self.lease_until_ns;
            self.session = Some(own);
            self.lease_until_ns = at_ns + LEASE_MS * NS_PER_MS;
            self.next_ask_ns = at_ns + RENEW_MS * NS_PER_MS;
        } else {
            // Ended, or opened after another number of sessions: this answer says after which.
            self.next_ask_ns = cx.now.mono_ns;
        }
        self.heard(index, roster, cx)
    }

    /// The machine's session with the number that `what` has asked for, if that has come about.
    fn granted(&self, what: What, roster: &Roster) -> Option<Own> {
        let live = roster.session_of(self.me)?;
        // A late answer: what came before it knows better.
        if self.roster().is_some_and(|known| known.has_ended(live.id)) {
            return None;
        }
        let granted = match what {
            What::Open(over) => {
                self.session.is_none()
                    && live.boot == self.boot
                    && live.renewal == 0
                    && roster.opened(self.me) == over + 1
            }
            What::Renew(own) => {
                self.session == Some(own) && live.id == own.id && live.renewal == own.renewal + 1
            }
        };
        granted.then_some(Own { id: live.id, renewal: live.renewal })
    }

    /// L2: a slice cannot be served here. Nothing of it is left on the machine.
    pub(crate) fn give_up(&mut self, what: Yield) {
        self.yields.push(what);
    }

    /// Whether a slice is being given up.
    pub(crate) fn is_giving_up(&self, slice: SliceId) -> bool {
        self.yields.iter().any(|what| what.slice == slice)
    }

    /// The answer to a decision: everybody is told.
    pub(crate) fn decided(&mut self, index: u64, roster: Roster, cx: &mut Cx<'_>) -> News {
        self.deciding = false;
        let is_told = |what: &Yield| roster.yields().spare(what.slice, self.me);
        self.yields.retain(|what| !is_told(what));
        for (machine, _) in roster.live().filter(|(machine, _)| *machine != self.me) {
            cx.outbox.push(machine, Message::Roster { index, roster: roster.clone() });
        }
        self.heard(index, roster, cx)
    }

    /// A roster has come, perhaps an old one.
    pub(crate) fn heard(&mut self, index: u64, roster: Roster, cx: &Cx<'_>) -> News {
        if self.roster.as_ref().is_some_and(|(known, _)| *known >= index) {
            return News::None;
        }
        self.watch.see(cx.config, &roster, cx.now.mono_ns);
        let ended = self.session.is_some_and(|own| roster.has_ended(own.id));
        self.roster = Some((index, roster));
        if ended {
            self.session = None;
            self.yields.clear();
            self.next_ask_ns = cx.now.mono_ns;
            return News::Ended;
        }
        News::Newer
    }

    /// The term in which this machine leads its datacenter, if that is new. Outside its session it leads nobody, whatever
    /// an old roster says.
    pub(crate) fn newly_leads(&mut self, home: DatacenterId, now_ns: u64) -> Option<u64> {
        let (machine, session, term) = self.roster()?.leader_of(home)?;
        if machine != self.me
            || Some(session) != self.session()
            || term == self.led_term
            || !self.may_emit(now_ns)
        {
            return None;
        }
        self.led_term = term;
        Some(term)
    }
}
