//! Where slices belong: in the datacenter in which their group is led, spread evenly, and wherever a machine is gone, on those
//! that are left.

use std::collections::BTreeMap;

use reveille_system::config::Config;
use reveille_system::ids::{MachineId, SliceId};
use reveille_system::placement::placement;

/// As many groups at home in each datacenter.
fn config() -> Config {
    Config::new(3, 3, 9, 72)
}

/// How many slices each machine holds while exactly these are there.
fn loads(config: &Config, fit: &[u16]) -> Vec<(u16, usize)> {
    let machines: Vec<MachineId> = fit.iter().copied().map(MachineId).collect();
    let placed: Vec<MachineId> = placement(config, &machines, |_, _| false).into_iter().flatten().collect();
    assert_eq!(placed.len(), usize::from(config.slices), "every slice has its place");
    fit.iter().map(|machine| (*machine, placed.iter().filter(|to| to.0 == *machine).count())).collect()
}

/// The difference between the largest and the smallest load.
fn spread(loads: &[(u16, usize)]) -> usize {
    let loads = || loads.iter().map(|(_, load)| *load);
    loads().max().unwrap_or(0) - loads().min().unwrap_or(0)
}

#[test]
fn d3_the_load_is_spread_evenly() {
    assert!(loads(&config(), &[0, 1, 2, 3, 4, 5, 6, 7, 8]).iter().all(|(_, load)| *load == 8));
}

/// Whatever the shape: at home in the datacenter in which the group is led first, and there on all machines alike.
#[test]
fn d3_slices_are_at_home_where_their_group_is_led_and_spread_over_the_machines_there() {
    for (datacenters, within, groups, each) in
        [(3, 3, 8, 4), (3, 1, 3, 1), (5, 2, 7, 6), (1, 4, 2, 8), (3, 4, 4, 3)]
    {
        let config = Config::new(datacenters, within, groups, groups * each);
        let mut loads: BTreeMap<MachineId, usize> = BTreeMap::new();
        for slice in (0..config.slices).map(SliceId) {
            let home = config.home_of(slice);
            assert_eq!(
                config.datacenter_of(home),
                config.home_of_group(config.group_of(slice)),
                "{config:?}"
            );
            *loads.entry(home).or_default() += 1;
        }
        for datacenter in 0..datacenters {
            let machines = datacenter * within..(datacenter + 1) * within;
            let load = |machine| (machine, loads.get(&MachineId(machine)).copied().unwrap_or(0));
            let loads: Vec<_> = machines.map(load).collect();
            assert!(spread(&loads) <= 1, "{loads:?} in {config:?}");
        }
    }
}

#[test]
fn d3_with_fewer_groups_than_datacenters_slices_are_spread_over_all() {
    let config = Config::new(3, 2, 2, 12);
    assert!(loads(&config, &[0, 1, 2, 3, 4, 5]).iter().all(|(_, load)| *load == 2));
}

#[test]
fn d3_a_dead_machines_share_goes_to_its_own_datacenter() {
    assert_eq!(loads(&config(), &[1, 2, 3, 4, 5, 6, 7, 8])[..3], [(1, 12), (2, 12), (3, 8)]);
    assert_eq!(loads(&config(), &[2, 3, 4, 5, 6, 7, 8])[..2], [(2, 24), (3, 8)]);
}

#[test]
fn d5_a_dead_datacenters_share_is_spread_over_the_others() {
    assert!(loads(&config(), &[3, 4, 5, 6, 7, 8]).iter().all(|(_, load)| *load == 12));
    assert!(spread(&loads(&config(), &[3, 4, 6, 7, 8])) <= 8, "and what is left, over what is left");
}

/// Whoever else is gone already.
#[test]
fn d5_the_end_of_a_machine_moves_what_was_on_it_and_nothing_else() {
    let config = config();
    for gone in 0..1_u16 << config.machines() {
        let fit: Vec<MachineId> =
            (0..config.machines()).filter(|machine| gone >> machine & 1 == 0).map(MachineId).collect();
        let before = placement(&config, &fit, |_, _| false);
        for end in &fit {
            let rest: Vec<MachineId> = fit.iter().copied().filter(|machine| machine != end).collect();
            for (before, after) in before.iter().zip(placement(&config, &rest, |_, _| false)) {
                assert!(*before == Some(*end) || *before == after, "{end:?} of {fit:?}");
            }
        }
    }
}

#[test]
fn nobody_there_holds_nothing() {
    assert!(placement(&config(), &[], |_, _| false).iter().all(Option::is_none));
}

#[test]
fn l2_who_has_yielded_a_slice_is_spared_it_if_another_can_take_it() {
    let config = config();
    let all: Vec<MachineId> = (0..config.machines()).map(MachineId).collect();
    let (slice, home) = (SliceId(5), config.home_of(SliceId(5)));
    let without = |spared: &[MachineId]| {
        placement(&config, &all, |of, machine| of == slice && spared.contains(&machine))
    };
    let (before, after) = (without(&[]), without(&[home]));
    let moved: Vec<usize> = (0..before.len()).filter(|slice| before[*slice] != after[*slice]).collect();
    assert_eq!(moved, [5], "no other slice moves");
    let mut replicas = config.replicas_of(config.group_of(slice)).filter(|machine| *machine != home);
    assert_eq!(after[5], replicas.next(), "who has a replica of its group comes first");
    assert_eq!(without(&all)[5], Some(home), "all have given it up: then it is at home");
}
