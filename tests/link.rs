//! A crate that nothing references registers nothing; `link!` references it, and a committed file would tell.

use signal_bus::{Bus, Topology};

signal_bus::link!(linked);

fn topology() -> Topology {
    Bus::new().check().expect("the wiring of two small crates")
}

#[test]
fn a_crate_that_is_named_by_link_takes_part() {
    let lock = topology().to_lock();
    assert!(
        lock.contains("published by linked::publish_linked"),
        "{lock}"
    );
    assert!(lock.contains("heard by linked::hear_linked"), "{lock}");
}

/// The other crate is a dependency of this test as well; the linker has left it out.
#[test]
fn a_crate_that_nothing_references_registers_nothing() {
    let others = topology()
        .to_lock()
        .lines()
        .filter(|line| line.contains("unlinked"))
        .count();
    assert_eq!(others, 0);
}

#[test]
fn the_committed_topology_is_the_program_s() {
    topology().check_lock("topology.lock").unwrap();
}
