"""Makes a training function a persistent worker of hpt-run --worker; see hpt-worker(7).

    import hpt_worker

    def train(params, seed, report):
        for step in range(10):
            loss = ...
            if not report(step, loss=loss):
                break
        return {"loss": loss}

    hpt_worker.serve(train)

train(params, seed, report) is called for each trial and returns a number, a dict of numbers, or
None. report(step, **metrics) returns False when the trial is to stop. An exception makes the trial
failed, with its message; its traceback goes to standard error. The generators of random and, where
it has been imported, numpy are set to the trial's seed; others are for train to set. What else the
message says (dir, study, attempt, fold, budget, resume) is in report.trial; HPT_DIR and HPT_TRIAL
are set for the time of the trial, so that functions that read them find what they expect.

Standard library only. Needs Python 3.6.
"""
import json
import os
import random
import sys
import traceback

__all__ = ["serve"]


def _plain(value):
    """A number as JSON knows it: numpy's, torch's and others by their item() or float()."""
    if isinstance(value, bool) or type(value) in (int, float):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return float(value)


def _metrics(result):
    if result is None:
        return {}
    if isinstance(result, dict):
        return _plain(result)
    return None


class _Channel:
    def __init__(self):
        try:
            source, sink = os.environ["HPT_WORKER_IN"], os.environ["HPT_WORKER_OUT"]
        except KeyError:
            sys.exit("hpt_worker: not started by hpt-run --worker: HPT_WORKER_IN is not set")
        self.source = open(source, "rb")
        self.sink = open(sink, "wb", buffering=0)

    def say(self, **message):
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[self.sink.write(data):]

    def hear(self):
        """The next message, or None at the end."""
        line = self.source.readline()
        if not line:
            return None
        message = json.loads(line.decode())
        return None if message["type"] == "bye" else message


class _Report:
    def __init__(self, channel, trial):
        self._channel = channel
        self.trial = trial
        self.stopped = False

    def __call__(self, step=None, **metrics):
        message = {"type": "report", "trial": self.trial["trial"], "metrics": _plain(metrics)}
        if step is not None:
            message["step"] = int(step)
        self._channel.say(**message)
        answer = self._channel.hear()
        if answer is None:
            raise SystemExit(0)
        self.stopped = self.stopped or not answer["continue"]
        return not self.stopped


def _seed(seed):
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


def _run(train, name, channel, trial):
    done = {"type": "done", "trial": trial["trial"]}
    report = _Report(channel, trial)
    try:
        result = train(trial["params"], trial["seed"], report)
        metrics = _metrics(result)
        if metrics is None:
            metrics = {name: _plain(result)}
        done["state"] = "pruned" if report.stopped else "complete"
        done["metrics"] = metrics
    except Exception as error:  # the trial's fault, not the worker's
        traceback.print_exc()
        text = "".join(traceback.format_exception_only(type(error), error)).strip()
        done["state"] = "failed"
        done["error"] = text[:2000].encode("utf-8", "replace").decode()  # names of files may be no text
    return done


def serve(train, metric="value"):
    """Calls train for every trial until there are no more. metric names a result that is a number."""
    channel = _Channel()
    channel.say(type="ready", protocol=1)
    while True:
        trial = channel.hear()
        if trial is None:
            return
        os.environ["HPT_DIR"] = trial["dir"]
        os.environ["HPT_TRIAL"] = str(trial["trial"])
        _seed(trial["seed"])
        done = _run(train, metric, channel, trial)
        sys.stdout.flush()
        sys.stderr.flush()
        channel.say(**done)
