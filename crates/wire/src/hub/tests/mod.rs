mod conversation;
mod datagram;
mod frame;
mod identity;
