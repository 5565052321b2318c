//! What kind of fault one is for the rules: by what the history says that it takes, and if it says nothing, by its name.
//!
//! Outages of outside services are no failures: nothing of the system is struck. Of clocks only a step is followed, since
//! the bounds count from it; how wrong a clock is otherwise is E.

use super::spells::Class;
use crate::history::{Scope, Taken, Takes};

/// Where a history does not say what faults take: one of a kind with one of these words in it takes what a process knows
/// along; a pause or a cut does not.
const STOPPING: [&str; 5] = ["crash", "power", "kill", "down", "lost"];

/// One with one of these, too, takes machines out of reach. What any other does to them is not known: it is a failure that L1 does not
/// name, and nothing has to move away from it (D3, D5, D6).
const AWAY: [&str; 3] = ["pause", "panic", "cut"];

/// What a fault takes out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Holds {
    Nothing,
    /// Machines are down or stand still.
    Machines,
    /// Links are cut.
    Links,
}

/// What a fault is for the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Nature {
    /// L: what kind of failure it is. None if it is no failure of the system.
    pub(in crate::check) class: Option<Class>,
    /// L2: what is down or cut while it lasts.
    pub(in crate::check) holds: Holds,
    /// F6: whether what the processes knew is gone.
    pub(in crate::check) stops: bool,
    /// D8: whether a disk is harmed, or is named as what is struck.
    pub(in crate::check) harms_disk: bool,
    /// E: whether a wall clock steps.
    pub(in crate::check) steps_clock: bool,
}

impl Nature {
    pub(in crate::check) fn of(kind: &str, scope: &Scope, takes: Option<&Taken>) -> Nature {
        let nature = takes.map_or_else(|| by_name(kind, scope), |takes| by_what_it_takes(takes, scope));
        match scope {
            Scope::Service(_) => Nature { class: None, ..nature },
            _ => nature,
        }
    }
}

fn by_what_it_takes(takes: &Taken, scope: &Scope) -> Nature {
    let has = |what| takes.contains(&what);
    let is_only = |what| takes.len() == 1 && has(what);
    let harms_disk = has(Takes::Durable);
    let class = match scope {
        Scope::Network | Scope::Links { .. } if is_only(Takes::Messages) => Class::Loss,
        Scope::Machine(_) | Scope::Datacenter(_)
            if !harms_disk && (has(Takes::Memory) || has(Takes::Reachability)) =>
        {
            Class::Single
        }
        _ => Class::Other,
    };
    let class = (!is_only(Takes::Clock)).then_some(class);
    let holds = match scope {
        _ if !has(Takes::Reachability) => Holds::Nothing,
        Scope::Machine(_) | Scope::Datacenter(_) if has(Takes::Memory) || has(Takes::Time) => Holds::Machines,
        _ => Holds::Links,
    };
    Nature { class, holds, stops: has(Takes::Memory), harms_disk, steps_clock: has(Takes::Clock) }
}

fn by_name(kind: &str, scope: &Scope) -> Nature {
    let is_named = |words: &[&str]| words.iter().any(|word| kind.contains(word));
    let harms_disk = kind.starts_with("disk");
    let is_of_machines = matches!(scope, Scope::Machine(_) | Scope::Datacenter(_))
        && !harms_disk
        && !kind.starts_with("slow")
        && !kind.starts_with("clock");
    let class = match scope {
        Scope::Network | Scope::Links { .. } if kind.contains("loss") => Class::Loss,
        _ if is_of_machines && (is_named(&STOPPING) || is_named(&AWAY)) => Class::Single,
        _ => Class::Other,
    };
    let holds = match (class, scope) {
        (Class::Loss, _) => Holds::Nothing,
        (_, Scope::Links { .. }) if kind.starts_with("slow") => Holds::Nothing,
        (_, Scope::Links { .. }) => Holds::Links,
        _ if kind.contains("cut") => Holds::Links,
        _ if is_of_machines => Holds::Machines,
        _ => Holds::Nothing,
    };
    Nature {
        class: (!kind.starts_with("clock")).then_some(class),
        holds,
        stops: is_named(&STOPPING),
        harms_disk,
        steps_clock: kind == "clock-step",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taking(takes: &[Takes], scope: &Scope) -> Nature {
        // A name that would say something else.
        Nature::of("disk-crash-loss", scope, Some(&takes.iter().copied().collect()))
    }

    #[test]
    fn what_a_fault_takes_says_what_it_is_whatever_its_name() {
        use Takes::{Clock, Durable, Memory, Messages, Reachability, Time, Unsynced};
        let (machine, network) = (Scope::Machine(1), Scope::Network);
        let links = Scope::Links { from: vec![0], to: vec![1] };
        let class = |takes: &[Takes], scope: &Scope| taking(takes, scope).class;
        assert_eq!(class(&[Memory, Unsynced, Reachability], &machine), Some(Class::Single));
        assert_eq!(class(&[Reachability], &Scope::Datacenter(0)), Some(Class::Single));
        assert_eq!(class(&[Time], &machine), Some(Class::Other), "slow is not gone");
        assert_eq!(class(&[], &machine), Some(Class::Other));
        assert_eq!(class(&[Memory, Durable], &machine), Some(Class::Other), "a disk is more than a machine");
        assert_eq!(class(&[Messages], &network), Some(Class::Loss));
        assert_eq!(class(&[Messages], &links), Some(Class::Loss));
        assert_eq!(class(&[Messages, Time], &network), Some(Class::Other));
        assert_eq!(class(&[Reachability], &links), Some(Class::Other));
        assert_eq!(class(&[Clock], &machine), None);
        assert_eq!(class(&[Clock, Memory], &machine), Some(Class::Single));
        assert_eq!(class(&[Reachability], &Scope::Service("upstream".into())), None);
        for takes in Takes::ALL {
            let nature = taking(&[takes], &machine);
            assert_eq!(nature.stops, takes == Memory);
            assert_eq!(nature.harms_disk, takes == Durable);
            assert_eq!(nature.steps_clock, takes == Clock);
        }
    }

    #[test]
    fn a_fault_that_says_nothing_is_what_its_name_says() {
        let machine = Scope::Machine(1);
        let named = |kind| Nature::of(kind, &machine, None);
        let single = Nature {
            class: Some(Class::Single),
            holds: Holds::Machines,
            stops: false,
            harms_disk: false,
            steps_clock: false,
        };
        let none = Nature { holds: Holds::Nothing, ..single };
        assert_eq!(named("long-pause"), single);
        assert_eq!(named("leader-crash"), Nature { stops: true, ..single });
        assert_eq!(
            named("meteor"),
            Nature { class: Some(Class::Other), ..single },
            "nobody knows what it does"
        );
        assert_eq!(named("slow-disk"), Nature { class: Some(Class::Other), ..none });
        assert_eq!(named("disk-rot"), Nature { class: Some(Class::Other), harms_disk: true, ..none });
        assert_eq!(named("clock-step"), Nature { class: None, steps_clock: true, ..none });
        assert_eq!(named("clock-drift"), Nature { class: None, ..none });
        assert_eq!(Nature::of("message-loss", &Scope::Network, None).class, Some(Class::Loss));
    }

    #[test]
    fn the_words_are_those_of_the_format() {
        for takes in Takes::ALL {
            assert_eq!(serde_json::to_string(&takes).expect("a word"), format!("\"{}\"", takes.word()));
        }
    }
}
