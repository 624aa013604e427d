//! What the metrics show of the objects, counted when they are scraped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::runtime::reflector::Store;

use super::context::Context;
use super::stored::Stored;
use crate::metrics::{ConditionLabels, Metrics};

/// Counts objects on demand.
#[derive(Clone)]
pub struct Gauges {
    ctx: Arc<Context>,
    stores: Arc<Mutex<Vec<Store<Stored>>>>,
}

impl std::fmt::Debug for Gauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gauges").finish_non_exhaustive()
    }
}

impl Gauges {
    pub(super) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx, stores: Arc::default() }
    }

    pub(super) fn watch(&self, stores: Vec<Store<Stored>>) {
        *self.stores.lock().unwrap_or_else(PoisonError::into_inner) = stores;
    }

    /// Sets the gauges that are snapshots.
    pub fn refresh(&self, metrics: &Metrics) {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut counts: BTreeMap<ConditionLabels, usize> = BTreeMap::new();
        let mut open = 0;
        for object in stores.iter().flat_map(Store::state) {
            let Stored::Parsed(customer) = &*object else { continue };
            let Some(status) = &customer.status else { continue };
            open += usize::from(status.pending_operation.is_some());
            for condition in &status.conditions {
                let labels = ConditionLabels {
                    condition: condition.type_.clone(),
                    status: condition.status.clone(),
                    reason: condition.reason.clone(),
                };
                *counts.entry(labels).or_default() += 1;
            }
        }
        metrics.set_customers(&counts);
        metrics.set_open_operations(open);
        metrics.set_queue(&self.ctx.schedule.depth());
        metrics.set_oldest_read_age(self.ctx.tracks.oldest_read().unwrap_or_default());
    }
}
