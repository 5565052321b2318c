//! A machine's own session, and its picture of the registry.
//!
//! The lease counts on the machine's own monotonic clock from before it asked (DESIGN.md, "Sessions"): whoever ends the
//! session has seen its renewal number unchanged for longer than that, so by then this machine has fallen silent.

use crate::client::{Client, Purpose};
use crate::config::NS_PER_MS;
use crate::cx::Cx;
use crate::ids::{DatacenterId, MachineId, SessionId};
use crate::leader::{self, LEASE_MS, RENEW_MS, Watch};
use crate::registry::{Change, Roster};
use crate::store::command::Command;
use crate::wire::Message;

/// What a machine knows of the registry, and its own place in it.
#[derive(Debug)]
pub(crate) struct Membership {
    me: MachineId,
    /// Different for each session that is asked for.
    nonce: u64,
    session: Option<SessionId>,
    /// Until when the lease is sure, on the machine's own monotonic clock.
    lease_until_ns: u64,
    /// When the renewal in flight was asked for.
    asked_ns: Option<u64>,
    next_ask_ns: u64,
    roster: Option<(u64, Roster)>,
    watch: Watch,
    /// Whether a decision about others is in flight.
    deciding: bool,
    /// The last term that this machine led.
    led_term: u64,
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
            nonce: boot,
            session: None,
            lease_until_ns: 0,
            asked_ns: None,
            next_ask_ns: 0,
            roster: None,
            watch: Watch::default(),
            deciding: false,
            led_term: 0,
        }
    }

    /// The newest roster that has been heard of.
    pub(crate) fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref().map(|(_, roster)| roster)
    }

    /// The machine's session, if it has one.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// O1: whether responses and outbound requests may leave now.
    pub(crate) fn may_emit(&self, now_ns: u64) -> bool {
        self.session.is_some() && now_ns < self.lease_until_ns
    }

    /// Opens or renews the session when it is time, and decides about others.
    pub(crate) fn tick(&mut self, client: &mut Client, cx: &mut Cx<'_>) {
        if self.asked_ns.is_none() && cx.now.mono_ns >= self.next_ask_ns {
            self.asked_ns = Some(cx.now.mono_ns);
            let change = match self.session {
                Some(session) => Change::Renew { session },
                None => Change::Open { machine: self.me, nonce: self.nonce },
            };
            client.propose(Purpose::Session, Command::Registry(change), cx);
        }
        self.decide(client, cx);
    }

    fn decide(&mut self, client: &mut Client, cx: &mut Cx<'_>) {
        let (Some(session), Some((_, roster))) = (self.session, &self.roster) else { return };
        if self.deciding || !self.may_emit(cx.now.mono_ns) {
            return;
        }
        if let Some(change) = leader::decide(cx.config, self.me, session, roster, &self.watch, cx.now.mono_ns)
        {
            self.deciding = true;
            client.propose(Purpose::Decision, Command::Registry(change), cx);
        }
    }

    /// The registry's answer to the opening or renewal of the session.
    pub(crate) fn renewed(&mut self, index: u64, roster: Roster, cx: &Cx<'_>) -> News {
        let asked_ns = self.asked_ns.take().expect("a renewal is answered once");
        self.next_ask_ns = asked_ns + RENEW_MS * NS_PER_MS;
        let mine = roster.session_of(self.me).filter(|live| live.nonce == self.nonce).map(|live| live.id);
        if mine.is_some() {
            self.session = mine;
            self.lease_until_ns = asked_ns + LEASE_MS * NS_PER_MS;
        }
        self.heard(index, roster, cx)
    }

    /// The answer to a decision: everybody is told.
    pub(crate) fn decided(&mut self, index: u64, roster: Roster, cx: &mut Cx<'_>) -> News {
        self.deciding = false;
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
        let ended = self.session.is_some_and(|session| roster.has_ended(session));
        self.roster = Some((index, roster));
        if ended {
            self.session = None;
            // A session that has ended never comes back: the next one is another.
            self.nonce = self.nonce.wrapping_add(1);
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
            || Some(session) != self.session
            || term == self.led_term
            || !self.may_emit(now_ns)
        {
            return None;
        }
        self.led_term = term;
        Some(term)
    }
}
