"""What the mutation tests share: threads that start together, a collector beside them, errors that are allowed."""
import gc
import random
import sys
import threading


def run(workers, allowed=(), threads=4):
    """Each worker(rng, k) runs in threads/len(workers) threads; an exception outside `allowed` is printed."""
    workers = [workers] if callable(workers) else list(workers)
    count = max(threads, len(workers))
    gate = threading.Barrier(count + 1)
    done = threading.Event()
    problems = []

    def body(worker, k):
        rng = random.Random(k)
        gate.wait()
        try:
            worker(rng, k)
        except allowed:
            pass
        except BaseException as e:
            problems.append(f"{worker.__name__}: {type(e).__name__}: {e}")

    def collector():
        gate.wait()
        while not done.is_set():
            gc.collect()
            done.wait(0.002)

    started = [threading.Thread(target=body, args=(workers[k % len(workers)], k)) for k in range(count)]
    cleaner = threading.Thread(target=collector)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for thread in [*started, cleaner]:
        thread.start()
    for thread in started:
        thread.join()
    done.set()
    cleaner.join()
    sys.setswitchinterval(interval)
    return sorted(set(problems))


def each(steps, allowed=()):
    """A worker that runs random steps; a step may raise what is allowed."""
    def worker(rng, k):
        for _ in range(ROUNDS):
            step = rng.choice(steps)
            try:
                step(rng)
            except allowed:
                pass
    return worker


ROUNDS = 400
