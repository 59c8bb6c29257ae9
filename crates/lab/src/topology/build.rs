use super::spec::LabSpec;
use super::{Lab, LabError};

pub(super) fn build(_spec: LabSpec) -> Result<Lab, LabError> {
    todo!()
}
