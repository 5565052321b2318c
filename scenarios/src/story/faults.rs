//! Faults in words. Their kinds are names in a history, which may be of another system: one that is not known here is
//! told by its name.

use reveille_model::history::{History, Scope, What};

/// What begins to be broken.
pub(super) fn begins(kind: &str, scope: &Scope) -> String {
    let (role, plain) = role(kind);
    let whom = format!("{}{role}", scope_text(scope));
    match plain {
        "crash" => format!("FAULT: the process of {whom} crashes; what was in its memory is gone"),
        "panic" => format!("FAULT: the process of {whom} panics; what was in its memory is gone"),
        "power-loss" => {
            format!("FAULT: {whom} loses power; what was in its memory or not yet synced is gone")
        }
        "pause" => format!("FAULT: {whom} stands still and does not know it"),
        "cut" => format!("FAULT: {whom} is cut off from the others"),
        "datacenter-down" => format!("FAULT: {whom} goes down, all its machines at once"),
        "datacenter-cut" => format!("FAULT: {whom} is cut off from the other datacenters"),
        "partition" => format!("FAULT: no message passes on {whom}"),
        "slow-links" => format!("FAULT: messages take much longer on {whom}"),
        "slow-disk" => format!("FAULT: the disk of {whom} is slow: what it writes takes long to be safe"),
        "clock-step" => format!("FAULT: the wall clock of {whom} jumps"),
        "message-loss" => format!("FAULT: messages are lost on {whom}"),
        "background-loss" => format!("FAULT: now and then a message is lost on {whom}"),
        "upstream-slow" => "FAULT: the outside services answer slowly".into(),
        "upstream-refuses" => "FAULT: the outside services refuse what they are sent".into(),
        "upstream-fails" => "FAULT: the outside services break the connection without an answer".into(),
        _ => format!("FAULT {kind}: {whom}"),
    }
}

/// What is mended by the end of a fault: of the one that the history has begun under this number.
pub(super) fn ends(history: &History, fault: u32) -> String {
    let begun = history.events.iter().find_map(|event| match &event.what {
        What::FaultBegin { fault: begun, kind, scope, .. } if *begun == fault => Some((&**kind, scope)),
        _ => None,
    });
    let Some((kind, scope)) = begun else { return format!("fault {fault} is over") };
    let whom = scope_text(scope);
    match role(kind).1 {
        "crash" | "power-loss" | "panic" => format!("{whom} starts again"),
        "pause" => format!("{whom} goes on as if nothing had been"),
        "cut" | "datacenter-cut" => format!("{whom} is connected again"),
        "datacenter-down" => format!("the machines of {whom} start again"),
        "partition" => format!("messages pass again on {whom}"),
        "slow-links" => format!("messages are as fast as before on {whom}"),
        "slow-disk" => format!("the disk of {whom} is as fast as before"),
        "message-loss" | "background-loss" => format!("no more messages are lost on {whom}"),
        "upstream-slow" | "upstream-refuses" | "upstream-fails" => {
            "the outside services are as they should be".into()
        }
        _ => format!("over: {kind} of {whom}"),
    }
}

/// The role that a fault was aimed at, as a parenthesis, and the kind without it.
fn role(kind: &str) -> (&'static str, &str) {
    if let Some(plain) = kind.strip_prefix("group-leader-") {
        (" (the leader of a consensus group)", plain)
    } else if let Some(plain) = kind.strip_prefix("system-leader-") {
        (" (the leader of the system group)", plain)
    } else if let Some(plain) = kind.strip_prefix("leader-") {
        (" (the leader of its datacenter)", plain)
    } else {
        ("", kind)
    }
}

fn scope_text(scope: &Scope) -> String {
    match scope {
        Scope::Machine(machine) => format!("machine {machine}"),
        Scope::Datacenter(datacenter) => format!("datacenter {datacenter}"),
        Scope::Links { from, to } => format!("the links from {} to {}", machines(from), machines(to)),
        Scope::Network => "the links between machines".into(),
        Scope::Service(service) => service.to_string(),
    }
}

fn machines(machines: &[u16]) -> String {
    let names: Vec<_> = machines.iter().map(u16::to_string).collect();
    format!("machine{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_as_a_sentence() {
        let machine = Scope::Machine(3);
        assert_eq!(begins("cut", &machine), "FAULT: machine 3 is cut off from the others");
        assert_eq!(
            begins("leader-pause", &machine),
            "FAULT: machine 3 (the leader of its datacenter) stands still and does not know it"
        );
        assert_eq!(
            begins("group-leader-crash", &machine),
            "FAULT: the process of machine 3 (the leader of a consensus group) crashes; what was in its memory is gone"
        );
        assert_eq!(
            begins("slow-disk", &machine),
            "FAULT: the disk of machine 3 is slow: what it writes takes long to be safe"
        );
        let links = Scope::Links { from: vec![0], to: vec![1, 2] };
        assert_eq!(
            begins("partition", &links),
            "FAULT: no message passes on the links from machine 0 to machines 1, 2"
        );
        assert_eq!(begins("meteor", &Scope::Datacenter(1)), "FAULT meteor: datacenter 1");
    }
}
