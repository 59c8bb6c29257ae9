//! A clean stop: everything goes.

use relay::with_causes;

use super::round::problem;
use super::{Agent, MOST_ROUNDS};
use crate::error::EdgeError;
use crate::plan::teardown;

impl Agent {
    /// Takes everything away; goes on after an error and returns all of them.
    pub(super) async fn stop(mut self) -> Result<(), EdgeError> {
        let mut errors = self.take_away().await;
        self.leases.release().await;
        if let Err(error) = self.allowance.save() {
            errors.push(format!(
                "cannot write {}: {error}",
                self.settings.usage.display()
            ));
        }
        let restored = self.hands.restore().await;
        errors.extend(restored.iter().map(|error| with_causes(error)));
        if errors.is_empty() {
            Ok(())
        } else {
            Err(EdgeError::Teardown(errors))
        }
    }

    /// Until nothing of ours is left, or no attempt helps. Returns what failed in the last one.
    async fn take_away(&mut self) -> Vec<String> {
        let mut errors = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let observed = match self.observe().await {
                Ok(observed) => observed,
                Err(error) => {
                    errors = vec![with_causes(&error)];
                    continue;
                }
            };
            let steps = teardown(&self.settings, &observed);
            if steps.is_empty() {
                return Vec::new();
            }
            let failed = self.apply_all(steps).await;
            errors = failed
                .iter()
                .map(|(step, error)| problem(step, error))
                .collect();
        }
        errors
    }
}
