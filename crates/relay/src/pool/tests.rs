use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::*;

#[test]
fn buffers_come_back() {
    let pool = BufferPool::default();
    let (small, large) = (pool.small(), pool.large());
    assert_eq!((small.len(), large.len()), (SMALL, LARGE));
    assert_eq!((pool.usage().small_out, pool.usage().large_out), (1, 1));
    drop((small, large));
    let idle = PoolUse {
        small_kept: 1,
        large_kept: 1,
        ..PoolUse::default()
    };
    assert_eq!(pool.usage(), idle);
    drop((pool.small(), pool.large()));
    assert_eq!(pool.usage(), idle, "reused, not allocated anew");
}

#[test]
fn large_buffers_are_bounded() {
    let pool = BufferPool::default();
    let out: Vec<Buffer> = (0..MAX_LARGE + 3).map(|_| pool.large()).collect();
    assert_eq!(
        (pool.usage().small_out, pool.usage().large_out),
        (3, MAX_LARGE)
    );
    assert!(!out[MAX_LARGE].is_large());
    drop(out);
    assert_eq!((pool.usage().small_out, pool.usage().large_out), (0, 0));
    assert_eq!(pool.usage().large_kept, KEEP_LARGE);
}

#[test]
fn outputs_come_back_empty() {
    let pool = BufferPool::default();
    for input in [pool.small(), pool.large()] {
        let mut output = pool.output(&input);
        assert!(output.is_empty() && output.capacity() >= input.len());
        output.extend_from_slice(b"sealed");
        let room = output.as_ptr();
        drop(output);
        let again = pool.output(&input);
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), room, "reused, not allocated anew");
    }
    assert_eq!((pool.usage().small_out, pool.usage().large_out), (0, 0));
}

#[test]
fn an_empty_pipe_comes_back_and_another_does_not() {
    let (mut near, mut far) = UnixStream::pair().expect("there are files to be had");
    let pool = BufferPool::default();

    let mut pipe = pool.pipe().expect("this test needs pipes of 1 MiB");
    near.write_all(b"through").expect("it is connected");
    assert_eq!(pipe.fill(&far, 4).expect("there is something"), 4);
    assert_eq!((pipe.held(), pool.usage().pipes_out), (4, 1));
    assert_eq!(pipe.drain(&far).expect("there is room"), 4);
    let mut got = [0; 4];
    near.read_exact(&mut got).expect("it came back");
    assert_eq!(&got, b"thro");
    drop(pipe);
    assert_eq!((pool.usage().pipes_out, pool.usage().pipes_kept), (0, 1));

    let mut pipe = pool.pipe().expect("one is kept");
    assert_eq!(pipe.fill(&far, 100).expect("there is something"), 3);
    drop(pipe);
    assert_eq!((pool.usage().pipes_out, pool.usage().pipes_kept), (0, 0));
    far.write_all(b"!").expect("it is connected");
}

#[test]
fn pipes_are_bounded() {
    let pool = BufferPool::default();
    let out: Vec<Pipe> = std::iter::from_fn(|| pool.pipe()).collect();
    assert!((1..=64).contains(&out.len()), "{}", out.len());
    drop(out);
    assert_eq!(pool.usage().pipes_out, 0);
    assert!(pool.usage().pipes_kept <= 16);
}
