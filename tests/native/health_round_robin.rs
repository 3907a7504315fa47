//! Round robin over isolates: blocks of tickets keep it even, in each isolate and over all of them.

use std::collections::BTreeSet;

use opengateway::health::coordinator::Coordinator;
use opengateway::health::lease::FIRST_LEASE;
use opengateway::health::view::HealthView;
use proptest::prelude::*;

use crate::health_fixture::{NOW, sync};

const KEY: &str = "m|a,b,c";

struct World {
    object: Coordinator,
    views: Vec<HealthView>,
    now_ms: u64,
    /// What each isolate has taken.
    taken: Vec<Vec<u64>>,
}

impl World {
    fn new(isolates: usize) -> Self {
        let views = (0..isolates as u64).map(HealthView::new).collect();
        Self { object: Coordinator::new(1), views, now_ms: NOW, taken: vec![Vec::new(); isolates] }
    }

    /// One request: its ticket, and a message beside it where more are wanted.
    fn request(&mut self, isolate: usize, answered: bool) {
        let view = self.views.get_mut(isolate).unwrap();
        let ticket = view.leases().ticket(KEY).unwrap_or_else(|| {
            view.leases().wish(KEY, 0);
            sync(view, &mut self.object, self.now_ms);
            view.leases().ticket(KEY).unwrap()
        });
        self.taken.get_mut(isolate).unwrap().push(ticket);
        if view.leases().any_wish() {
            if answered {
                sync(view, &mut self.object, self.now_ms);
            } else {
                let message = view.begin(self.now_ms);
                self.object.sync(&message, self.now_ms);
                view.failed(self.now_ms);
            }
        }
    }

    fn all(&self) -> Vec<u64> {
        self.taken.iter().flatten().copied().collect()
    }
}

/// By how much the shares of so many providers differ.
fn spread(tickets: &[u64], providers: u64) -> usize {
    let share = |provider: u64| tickets.iter().filter(|ticket| *ticket % providers == provider).count();
    let shares: Vec<usize> = (0..providers).map(share).collect();
    shares.iter().max().unwrap() - shares.iter().min().unwrap()
}

/// How many gaps there are in a set of numbers, up to its largest.
fn gaps(numbers: &BTreeSet<u64>) -> usize {
    numbers.iter().filter(|number| **number > 0 && !numbers.contains(&(**number - 1))).count()
}

#[test]
fn isolates_that_use_up_their_blocks_are_even_together() {
    for providers in 2..6 {
        let mut world = World::new(2);
        for index in 0..600 {
            world.request(usize::from(index % 3 == 0), true);
            world.now_ms += 500;
        }
        let spread = spread(&world.all(), providers);
        assert!(spread <= 3, "{spread} over {providers}: two begun blocks are all that may be missing");
    }
}

#[test]
fn isolates_that_are_asked_once_are_even_together_too() {
    let mut world = World::new(60);
    for isolate in 0..60 {
        world.request(isolate, true);
    }
    let expected: Vec<u64> = (0..60).map(|isolate| isolate * FIRST_LEASE).collect();
    assert_eq!(world.all(), expected, "each asked for one block");
    for providers in 2..13 {
        assert!(spread(&world.all(), providers) <= 1, "over {providers}");
    }
}

proptest! {
    /// A run of numbers is even but for one, whatever it is divided by. So the shares differ by one for each run that an
    /// isolate used, and over all isolates by one for each run that is still missing.
    #[test]
    fn shares_differ_by_no_more_than_blocks_allow(
        steps in prop::collection::vec((0..3usize, prop::bool::weighted(0.9), 0u64..1_500), 1..300),
        providers in 2u64..7,
    ) {
        let mut world = World::new(3);
        for (isolate, answered, ms) in steps {
            world.now_ms += ms;
            world.request(isolate, answered);
        }
        let all = world.all();
        let numbers: BTreeSet<u64> = all.iter().copied().collect();
        prop_assert_eq!(numbers.len(), all.len(), "a ticket was used twice");
        prop_assert!(spread(&all, providers) <= 1 + gaps(&numbers));
        for taken in &world.taken {
            prop_assert!(taken.is_sorted());
            let numbers: BTreeSet<u64> = taken.iter().copied().collect();
            prop_assert!(spread(taken, providers) <= 1 + gaps(&numbers));
        }
    }
}
