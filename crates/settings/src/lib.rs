//! The settings files: model, defaults, validation with line and key, JSON schema.
