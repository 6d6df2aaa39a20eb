//! The slots of a worker, whose number may change while it works.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) struct Slots {
    semaphore: Arc<Semaphore>,
    number: AtomicUsize,
    /// How many of the slots in use do not become free: there are fewer since they were taken.
    excess: AtomicUsize,
    changing: Mutex<()>,
}

impl Slots {
    pub(super) fn new(number: usize) -> Self {
        Slots {
            semaphore: Arc::new(Semaphore::new(number)),
            number: AtomicUsize::new(number),
            excess: AtomicUsize::new(0),
            changing: Mutex::new(()),
        }
    }

    pub(super) fn number(&self) -> usize {
        self.number.load(SeqCst)
    }

    /// A slot, if one is free.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Slot> {
        let permit = self.semaphore.clone().try_acquire_owned().ok()?;
        Some(Slot { slots: self.clone(), permit: Some(permit) })
    }

    /// Waits for a slot.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Slot> {
        let permit = self.semaphore.clone().acquire_owned().await.ok()?;
        Some(Slot { slots: self.clone(), permit: Some(permit) })
    }

    /// Sets their number, and returns what it was. Slots in use beyond it go when their runs end.
    pub(super) fn set(&self, number: usize) -> usize {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.number.swap(number, SeqCst);
        if number < before {
            let less = before - number;
            let free = self.semaphore.forget_permits(less);
            self.excess.fetch_add(less - free, SeqCst);
        } else {
            let mut more = number - before;
            while more > 0 && self.use_up_excess() {
                more -= 1;
            }
            self.semaphore.add_permits(more);
        }
        before
    }

    /// Whether there was an excess, which is one less now.
    fn use_up_excess(&self) -> bool {
        self.excess.load(SeqCst) > 0
            && self.excess.fetch_update(SeqCst, SeqCst, |excess| excess.checked_sub(1)).is_ok()
    }
}

/// A slot in use, or several that were merged; free when it is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Slot {
    /// Makes one of both.
    pub(super) fn merge(&mut self, mut other: Slot) {
        match (&mut self.permit, other.permit.take()) {
            (Some(own), Some(other)) => own.merge(other),
            (own, other) => *own = own.take().or(other),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(mut permit) = self.permit.take() else { return };
        while permit.num_permits() > 0 && self.slots.use_up_excess() {
            permit.split(1).into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many slots can be taken now; they are free again.
    fn free(slots: &Arc<Slots>) -> usize {
        std::iter::from_fn(|| slots.try_take()).collect::<Vec<_>>().len()
    }

    #[test]
    fn slots_in_use_beyond_a_new_number_go_when_their_runs_end() {
        let slots = Arc::new(Slots::new(4));
        let mut used: Vec<_> = (0..3).filter_map(|_| slots.try_take()).collect();
        assert_eq!((slots.set(1), free(&slots)), (4, 0));
        used.pop();
        used.pop();
        assert_eq!(free(&slots), 0, "one still runs, which is as many as may");
        used.pop();
        assert_eq!(free(&slots), 1);
    }

    #[test]
    fn merged_slots_are_given_back_together_but_for_those_that_go() {
        let slots = Arc::new(Slots::new(4));
        let mut used = slots.try_take().unwrap();
        (0..3).for_each(|_| used.merge(slots.try_take().unwrap()));
        assert_eq!((slots.set(3), free(&slots)), (4, 0));
        drop(used);
        assert_eq!(free(&slots), 3);
    }

    #[test]
    fn more_slots_are_there_at_once_and_keep_those_that_were_to_go() {
        let slots = Arc::new(Slots::new(3));
        let used: Vec<_> = (0..3).filter_map(|_| slots.try_take()).collect();
        slots.set(1);
        assert_eq!((slots.set(5), free(&slots)), (1, 2));
        drop(used);
        assert_eq!((slots.number(), free(&slots)), (5, 5));
    }
}
