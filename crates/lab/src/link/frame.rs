//! Frame buffers that go round instead of being allocated for every frame.

/// One Ethernet frame without preamble and FCS, as a TAP device hands it out.
pub(super) struct Frame {
    buffer: Box<[u8]>,
    length: usize,
}

impl Frame {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// The whole buffer, for a read; follow it with [`Frame::set_length`].
    pub(super) fn buffer_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    pub(super) fn set_length(&mut self, length: usize) {
        self.length = length.min(self.buffer.len());
    }
}

/// Frames that nobody uses at the moment.
pub(super) struct Pool {
    free: Vec<Frame>,
    frame_size: usize,
}

impl Pool {
    pub(super) fn new(frame_size: usize) -> Self {
        Self {
            free: Vec::new(),
            frame_size,
        }
    }

    pub(super) fn take(&mut self) -> Frame {
        self.free.pop().unwrap_or_else(|| Frame {
            buffer: vec![0; self.frame_size].into_boxed_slice(),
            length: 0,
        })
    }

    pub(super) fn put_back(&mut self, frame: Frame) {
        self.free.push(frame);
    }
}
