//! Faults in words, by the table of kinds. Their kinds are names in a history, which may be of another system: one that
//! the table does not know is told by its name.

use reveille_model::history::{History, Scope, What};
use reveille_sim::kinds::{self, Role, Struck};

/// What begins to be broken.
pub(super) fn begins(kind: &str, scope: &Scope) -> String {
    match kinds::named(kind) {
        Some((row, role)) => format!("FAULT: {}", row.begins(&Struck { scope, role })),
        None => format!("FAULT {kind}: {}", Struck { scope, role: Role::in_name(kind) }),
    }
}

/// What is mended by the end of a fault: of the one that the history has begun under this number.
pub(super) fn ends(history: &History, fault: u32) -> String {
    let begun = history.events.iter().find_map(|event| match &event.what {
        What::FaultBegin { fault: begun, kind, scope, .. } if *begun == fault => Some((&**kind, scope)),
        _ => None,
    });
    let Some((kind, scope)) = begun else { return format!("fault {fault} is over") };
    let whom = Struck { scope, role: None };
    kinds::named(kind).map_or_else(|| format!("over: {kind} of {whom}"), |(row, _)| row.ends(&whom))
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
        assert_eq!(
            begins("partition-one-way", &links),
            "FAULT: no message passes on the links from machine 0 to machines 1, 2, those back are open"
        );
        assert_eq!(
            begins("leader-cut", &links),
            "FAULT: no message passes on the links from machine 0 to machines 1, 2, those back are open; machine 0 is the \
             leader of its datacenter"
        );
        assert_eq!(
            begins("system-leader-power-loss", &machine),
            "FAULT: machine 3 (the leader of the system group) loses power; what was in its memory or not yet synced is gone"
        );
        let service = Scope::Service("upstream".into());
        assert_eq!(begins("upstream-slow", &service), "FAULT: the outside services answer slowly");
    }

    #[test]
    fn a_kind_of_another_system_is_told_by_its_name() {
        assert_eq!(begins("meteor", &Scope::Datacenter(1)), "FAULT meteor: datacenter 1");
        assert_eq!(
            begins("leader-meteor", &Scope::Machine(1)),
            "FAULT leader-meteor: machine 1 (the leader of its datacenter)"
        );
    }
}
