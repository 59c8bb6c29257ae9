mod conversation;
mod frame;
mod identity;
