//! Where slices belong, as a pure function of who is there to hold them: all leaders come to the same without asking.
//!
//! Each slice has an order of its own in which machines are considered: its home, the others of the home's datacenter, all
//! others. So the end of one machine moves what was on it, and nothing else.

use crate::config::Config;
use crate::ids::{MachineId, SliceId};

/// Where the slices belong while exactly these machines, ascending, can hold them, slice by slice. What a machine leaves is
/// spread evenly over those that come next (D3, D5). A machine that is to be spared a slice gets it only if all are.
pub fn placement(
    config: &Config,
    fit: &[MachineId],
    spares: impl Fn(SliceId, MachineId) -> bool,
) -> Vec<Option<MachineId>> {
    // How many slices each machine, and each datacenter, has had to leave to others so far.
    let mut left_by = vec![0_usize; usize::from(config.machines())];
    let mut left_by_datacenter = vec![0_usize; usize::from(config.datacenters)];
    let mut place = |slice| {
        let home = config.home_of(slice);
        let (is_there, is_home_spared) = (fit.binary_search(&home).is_ok(), spares(slice, home));
        if is_there && (!is_home_spared || fit.iter().all(|machine| spares(slice, *machine))) {
            return Some(home);
        }
        let are_all_spared = fit.iter().all(|machine| spares(slice, *machine));
        let is_fit = |machine: &MachineId| {
            fit.binary_search(machine).is_ok() && (are_all_spared || !spares(slice, *machine))
        };
        // L2: who does not reach the slice's group has others before him who may: those with a replica of it first.
        if is_home_spared && let Some(machine) = config.replicas_of(config.group_of(slice)).find(is_fit) {
            return Some(machine);
        }
        let datacenter = config.datacenter_of(home);
        let machines = || (0..config.machines()).map(MachineId).filter(|machine| *machine != home);
        let is_near = |machine: &MachineId| config.datacenter_of(*machine) == datacenter;
        let near = shuffled(machines().filter(is_near), count(&mut left_by[usize::from(home.0)]));
        near.into_iter().find(is_fit).or_else(|| {
            let of_datacenter = count(&mut left_by_datacenter[usize::from(datacenter.0)]);
            let far = machines().filter(|machine| !is_near(machine));
            shuffled(far, of_datacenter).into_iter().find(is_fit)
        })
    };
    (0..config.slices).map(|slice| place(SliceId(slice))).collect()
}

/// The machines in the order that has this number among all orders of them: numbers that follow each other begin with
/// another machine each, go on, for each beginning, with another one each, and so on.
fn shuffled(machines: impl Iterator<Item = MachineId>, mut number: usize) -> Vec<MachineId> {
    let mut rest: Vec<MachineId> = machines.collect();
    let mut order = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let next = number % rest.len();
        number /= rest.len();
        order.push(rest.remove(next));
    }
    order
}

/// The number so far; it is one more from now on.
fn count(so_far: &mut usize) -> usize {
    *so_far += 1;
    *so_far - 1
}
