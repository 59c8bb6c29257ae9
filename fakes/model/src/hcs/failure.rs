//! How calls fail.

use serde_json::json;

use crate::protocol::Reply;

/// HRESULTs (`winerror.h`) and numbers of events (`computedefs.h`, `computenetwork.h`).
#[expect(missing_docs, reason = "their names say it")]
pub mod code {
    pub const NOT_IMPLEMENTED: u32 = 0x8000_4001;
    pub const INVALID_HANDLE: u32 = 0x8007_0006;
    pub const INVALID_ARGUMENT: u32 = 0x8007_0057;
    pub const ELEMENT_NOT_FOUND: u32 = 0x8007_0490;

    pub const HCS_INVALID_STATE: u32 = 0x8037_0105;
    pub const HCS_INVALID_JSON: u32 = 0x8037_010D;
    pub const HCS_SYSTEM_NOT_FOUND: u32 = 0x8037_010E;
    pub const HCS_CALLBACK_ALREADY_SET: u32 = 0x8037_0119;
    pub const HCS_ACCESS_DENIED: u32 = 0x8037_011B;

    pub const HCN_NETWORK_NOT_FOUND: u32 = 0x803B_0001;
    pub const HCN_ENDPOINT_NOT_FOUND: u32 = 0x803B_0002;
    pub const HCN_ADAPTER_NOT_FOUND: u32 = 0x803B_0006;
    pub const HCN_INVALID_NETWORK_TYPE: u32 = 0x803B_000B;
    pub const HCN_INVALID_POLICY: u32 = 0x803B_000D;
    pub const HCN_NETWORK_ALREADY_EXISTS: u32 = 0x803B_0010;
    pub const HCN_PORT_ALREADY_EXISTS: u32 = 0x803B_0013;
    pub const HCN_ENDPOINT_ALREADY_ATTACHED: u32 = 0x803B_0014;
    pub const HCN_INVALID_JSON: u32 = 0x803B_001B;
    pub const HCN_ENTITY_HAS_REFERENCES: u32 = 0x803B_002C;

    pub const SYSTEM_EXITED: u32 = 1;
    pub const SYSTEM_SERVICE_DISCONNECT: u32 = 0x0200_0000;
    pub const NETWORK_CREATED: u32 = 2;
    pub const NETWORK_DELETED: u32 = 4;
    pub const ENDPOINT_ATTACHED: u32 = 9;
    pub const ENDPOINT_DETACHED: u32 = 16;
    pub const NETWORK_SERVICE_DISCONNECT: u32 = 0x0100_0000;
}

/// A result document, if the function gives one, or why it fails.
pub type Answer = Result<Option<String>, Failure>;

/// Why a call fails.
#[derive(Clone, Debug)]
pub struct Failure {
    status: u32,
    message: String,
}

impl Failure {
    pub fn new(status: u32, message: impl ToString) -> Self {
        let message = message.to_string();
        Self { status, message }
    }

    /// With the record of `computenetwork.dll`, or of `computecore.dll`.
    pub fn into_reply(self, hcn: bool) -> Reply {
        let Self { status, message } = self;
        let record = if hcn {
            json!({ "Success": false, "Error": message, "ErrorCode": status })
        } else {
            json!({ "Error": status.cast_signed(), "ErrorMessage": message })
        };
        Reply {
            status: status.cast_signed(),
            result: None,
            error: Some(record.to_string()),
        }
    }
}
