//! Who has a column in a picture, from left to right: clients, the object on each machine, machines, services.

use std::collections::BTreeMap;

use reveille_model::history::{Event, History, What};

use crate::story;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Player {
    Clients,
    /// An object, on a machine where that is told.
    Object(String, Option<u16>),
    Machine(u16),
    Service(String),
}

/// The columns of a picture.
#[derive(Debug)]
pub(super) struct Cast {
    players: Vec<Player>,
    calls: BTreeMap<u64, Call>,
}

/// A call to a service: the service, and who made it.
#[derive(Debug)]
struct Call {
    service: String,
    caller: Player,
}

impl Cast {
    /// Those who do something in these rows.
    pub(super) fn of(history: &History, rows: &[usize]) -> Self {
        let call = |event: &Event| match (&event.what, &event.by) {
            (What::Outbound { call, service, .. }, Some(by)) => {
                let caller = Player::Object(by.object.to_string(), event.place.map(|place| place.machine));
                Some((*call, Call { service: service.to_string(), caller }))
            }
            _ => None,
        };
        let mut cast = Self { players: Vec::new(), calls: history.events.iter().filter_map(call).collect() };
        let mut players: Vec<Player> =
            rows.iter().filter_map(|index| cast.player(&history.events[*index])).collect();
        players.sort();
        players.dedup();
        cast.players = players;
        cast
    }

    /// Who does an event; nobody where it concerns all, as a fault.
    fn player(&self, event: &Event) -> Option<Player> {
        let machine = event.place.map(|place| place.machine);
        if let Some(by) = &event.by {
            return Some(Player::Object(by.object.to_string(), machine));
        }
        match &event.what {
            What::Call { .. } | What::Return { .. } => Some(Player::Clients),
            What::OutboundArrive { call, .. } | What::OutboundAnswer { call, .. } => {
                Some(Player::Service(self.calls.get(call)?.service.clone()))
            }
            // It is told of the machine, and is for who has called.
            What::OutboundReturn { call, .. } => Some(self.calls.get(call)?.caller.clone()),
            What::AtRest { object, .. } | What::OnDisk { object, .. } => {
                Some(Player::Object(object.to_string(), None))
            }
            _ => machine.map(Player::Machine),
        }
    }

    /// The column of an event.
    pub(super) fn column(&self, event: &Event) -> Option<usize> {
        let player = self.player(event)?;
        self.players.iter().position(|other| *other == player)
    }

    /// Whether the last column is that of a service.
    pub(super) fn ends_with_a_service(&self) -> bool {
        matches!(self.players.last(), Some(Player::Service(_)))
    }

    pub(super) fn names(&self, history: &History) -> Vec<(String, String)> {
        let name = |player: &Player| match player {
            Player::Clients => ("client".to_owned(), String::new()),
            Player::Object(object, machine) => {
                let on =
                    machine.map(|machine| format!("on {}", story::machine_text(&history.header, machine)));
                (object.clone(), on.unwrap_or_default())
            }
            Player::Machine(machine) => (story::machine_text(&history.header, *machine), String::new()),
            Player::Service(service) => ("outside service".to_owned(), short(service)),
        };
        self.players.iter().map(name).collect()
    }
}

/// A service by its address without the scheme, cut where it is long.
fn short(service: &str) -> String {
    const LETTERS_MAX: usize = 28;
    let address = service.split_once("://").map_or(service, |(_, address)| address);
    if address.chars().count() <= LETTERS_MAX {
        return address.to_owned();
    }
    let begin: String = address.chars().take(LETTERS_MAX - 1).collect();
    format!("{begin}…")
}
