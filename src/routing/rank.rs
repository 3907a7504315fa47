//! One stable sort for every kind of list that a plan is made from. The standard library's is compiled anew for each
//! element type, several KB each; here only small keys are sorted, and the elements are moved once.

/// Sorts `items` by `rank`, lowest first; equal ones stay in order.
pub fn sort_by_rank<T>(items: &mut Vec<T>, rank: impl Fn(&T) -> u128) {
    let mut order: Vec<(u128, usize)> = items.iter().enumerate().map(|(at, item)| (rank(item), at)).collect();
    // The position makes every key different, so an unstable sort is stable.
    order.sort_unstable();
    let mut slots: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|(_, at)| slots.get_mut(at)?.take()));
}
