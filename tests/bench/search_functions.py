"""Functions of the project's own for tests/bench/search: constraints and failures, grids and choices, noise, with
known optima.

Each is a task as those of bench_eval.py are: params, nobj, best, ref and what a configuration gives. Besides, bounds are
those of its constraints ("le=0.5"), and worst is the value that counts while none is kept. A call gives values and
constraints, or None: the trial failed. A noisy one is given the seed of a draw as well; without it the answer is the mean.
"""
import math
import random


class Task:
    bounds, best, ref, worst = (), None, None, None
    nobj, d = 1, {}

    def __init__(self):
        self.name = type(self).name

    def clean(self, config):
        return config


def real(name, low, high):
    return {"name": name, "type": "float", "low": low, "high": high}


class Gardner1(Task):
    """Gardner et al. 2014, "Bayesian optimization with inequality constraints", simulation 1. At (3π/2, 0)."""
    name, best, worst = "gardner1", -2.0, 2.0
    params, bounds = [real("x", 0, 6), real("y", 0, 6)], ("le=0.5",)

    def __call__(self, c):
        x, y = c["x"], c["y"]
        return (math.cos(2 * x) * math.cos(y) + math.sin(x),), (math.cos(x + y),)


class Gardner2(Task):
    """Ibid., simulation 2: a hundredth of the square is allowed. At (3π/2, asin 0.95)."""
    name, best, worst = "gardner2", math.asin(0.95) - 1, 7.0
    params, bounds = [real("x", 0, 6), real("y", 0, 6)], ("le=-0.95",)

    def __call__(self, c):
        x, y = c["x"], c["y"]
        return (math.sin(x) + y,), (math.sin(x) * math.sin(y),)


class Gramacy(Task):
    """Gramacy et al. 2016, "Modeling an augmented Lagrangian for blackbox constrained optimization", eq. 2: the optimum
    is near (0.1954, 0.4044); here from a grid of steps of 1e-5 around it."""
    name, best, worst = "gramacy", 0.59979, 2.0
    params, bounds = [real("x", 0, 1), real("y", 0, 1)], ("le=0", "le=1.5")

    def __call__(self, c):
        x, y = c["x"], c["y"]
        wave = 1.5 - x - 2 * y - 0.5 * math.sin(2 * math.pi * (x * x - 2 * y))
        return (x + y,), (wave, x * x + y * y)


class Vessel(Task):
    """The pressure vessel, Kannan & Kramer 1994, with two numbers in steps; the best known is 6059.714."""
    name, best, worst = "vessel", 6059.714, 500000.0
    params = [{"name": "shell", "type": "int", "low": 1, "high": 99}, {"name": "head", "type": "int", "low": 1, "high": 99},
              real("radius", 10, 200), real("length", 10, 200)]
    bounds = ("le=0", "le=0", "ge=1296000")

    def __call__(self, c):
        s, h, r, l = 0.0625 * c["shell"], 0.0625 * c["head"], c["radius"], c["length"]
        cost = 0.6224 * s * r * l + 1.7781 * h * r * r + 3.1661 * s * s * l + 19.84 * s * s * r
        return (cost,), (0.0193 * r - s, 0.00954 * r - h, math.pi * r * r * l + 4 / 3 * math.pi * r ** 3)


class Srinivas(Task):
    """Two objectives and two constraints: Srinivas & Deb 1994."""
    name, nobj, ref = "srinivas", 2, (300.0, 100.0)
    params, bounds = [real("x", -20, 20), real("y", -20, 20)], ("le=225", "le=-10")

    def __call__(self, c):
        x, y = c["x"], c["y"]
        return (2 + (x - 2) ** 2 + (y - 1) ** 2, 9 * x - (y - 1) ** 2), (x * x + y * y, x - 3 * y)


class Crash(Task):
    """Branin's function (minimum 0.397887) where every trial with x1 > 6 or x2 > 12 fails: nearly half of them."""
    name, best, worst = "crash", 0.397887, 300.0
    params = [real("x1", -5, 10), real("x2", 0, 15)]

    def __call__(self, c):
        x, y = c["x1"], c["x2"]
        if x > 6 or y > 12:
            return None
        a = y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6
        return (a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10,), ()


# ---- grids: a trend and, in each cell, a draw of noise that is always the same, so that many are nearly the best ----

class Grid(Task):
    """best: of all cells, counted once."""

    def __call__(self, c):
        axes = [p.get("values", p.get("choices")) for p in self.params]
        cell = [axis.index(c[p["name"]]) for axis, p in zip(axes, self.params)]
        return (self.cell(cell, [i / (len(axis) - 1) for i, axis in zip(cell, axes)]),), ()

    def draw(self, *key):
        return random.Random(":".join([self.name, *map(str, key)])).gauss(0, 1)


def ordinal(name, n):
    return {"name": name, "type": "ordinal", "values": [float(i) for i in range(n)]}


def choice(name, n):
    return {"name": name, "type": "cat", "choices": ["%s%d" % (name, i) for i in range(n)]}


class GridValley(Grid):
    """A narrow valley of one parameter that moves with two others; a fourth hardly matters."""
    name, best, worst = "grid_valley", 0.09806238381211048, 1.0
    params = [ordinal("decay", 10), ordinal("batch", 10), ordinal("depth", 3), ordinal("rate", 10), ordinal("width", 10)]

    def cell(self, cell, x):
        decay, batch, depth, rate, width = x
        valley = 0.65 - 0.3 * (width - 0.5) + 0.2 * (batch - 0.5)
        trend = 0.12 + 0.35 * (1 - math.exp(-6 * (rate - valley) ** 2)) + 0.06 * (1 - width) ** 2
        trend += 0.03 * (batch - 0.3) ** 2 + 0.04 * max(0, decay - 0.7) ** 2 + 0.01 * abs(depth - 0.5)
        return trend + 0.008 * self.draw(*cell)


class GridTies(Grid):
    """Values over decades, rounded: most are far from the best, and many of those near it are the same."""
    name, best, worst = "grid_ties", 0.3, 100.0
    params = [ordinal("a", 10), ordinal("b", 10), ordinal("c", 3), ordinal("d", 10), ordinal("e", 10)]

    def cell(self, cell, x):
        a, b, c, d, e = x
        trend = 2 * (a - 0.3) ** 2 + 0.3 * (b - 0.7) ** 2 + 3 * (d - 0.5 - 0.2 * (a - 0.3)) ** 2
        trend += 0.4 * (1 - c) + 0.2 * (1 - e)
        return round(math.exp(3 * trend + 0.5 * self.draw(*cell)), 1)


class GridChoices(Grid):
    """Many choices without an order; each moves the best of two numbers."""
    name, best, worst = "grid_choices", -1.4492833639504177, 10.0
    params = [choice("m", 30), ordinal("a", 8), ordinal("b", 8)]

    def cell(self, cell, x):
        m = cell[0]
        a, b = x[1] - 0.5 - 0.2 * self.draw("a", m), x[2] - 0.5 - 0.2 * self.draw("b", m)
        return 0.5 * self.draw("m", m) + 2 * a * a + 1.5 * b * b + 0.05 * self.draw(*cell)


class MixedChoices(Task):
    """Fifteen choices with a cost each, that move the best of four numbers."""
    name, best, worst = "mixed_choices", 0.0, 10.0
    params = [choice("k", 15), {"name": "n", "type": "int", "low": 1, "high": 12},
              {"name": "rate", "type": "float", "low": 1e-5, "high": 1, "log": True}, real("x", 0, 1), real("y", 0, 1)]

    def __call__(self, c):
        g = random.Random("mixed_choices:" + c["k"])
        cost = 0 if c["k"] == "k11" else abs(g.gauss(0, 0.6))
        rate, x, n = 0.2 + 0.6 * g.random(), 0.2 + 0.6 * g.random(), g.randint(3, 10)
        y = 0.5 * c["x"] + 0.5 - 0.5 * x
        value = cost + 2 * (math.log10(c["rate"]) / 5 + 1 - rate) ** 2 + 1.5 * (c["x"] - x) ** 2
        return (value + 0.5 * (c["y"] - y) ** 2 + 0.01 * (c["n"] - n) ** 2,), ()


# ---- noise ----

class Noisy(Task):
    d = {"noisy": True}

    def __call__(self, c, seed=None):
        mean = self.mean(c)
        return (mean if seed is None else self.draw(mean, random.Random(seed)),), ()


class Hartmann3Noisy(Noisy):
    """Hartmann's function of three numbers, minimum -3.86278, with normal noise."""
    name, best = "hartmann3_noisy", -3.86278
    params = [real("a", 0, 1), real("b", 0, 1), real("c", 0, 1)]
    A = (3, 10, 30), (0.1, 10, 35), (3, 10, 30), (0.1, 10, 35)
    P = (0.3689, 0.1170, 0.2673), (0.4699, 0.4387, 0.7470), (0.1091, 0.8732, 0.5547), (0.0381, 0.5743, 0.8828)

    def mean(self, c):
        x = c["a"], c["b"], c["c"]
        return -sum(by * math.exp(-sum(a * (v - p) ** 2 for a, p, v in zip(A, P, x)))
                    for by, A, P in zip((1, 1.2, 3, 3.2), self.A, self.P))

    def draw(self, mean, g):
        return mean + g.gauss(0, 0.4)


class CamelNoisy(Noisy):
    """The six-hump camel, minimum -1.031628, with noise of Student's t with 3 degrees of freedom."""
    name, best = "camel_noisy", -1.031628
    params = [real("x", -2, 2), real("y", -1.5, 1.5)]

    def mean(self, c):
        x, y = c["x"], c["y"]
        return (4 - 2.1 * x * x + x ** 4 / 3) * x * x + x * y + 4 * (y * y - 1) * y * y

    def draw(self, mean, g):
        return mean + 0.5 * g.gauss(0, 1) / math.sqrt(g.gammavariate(1.5, 2) / 3)


class NetNoisy(Noisy):
    """The share of errors of a made-up network, 0.12 at best, counted in 300 examples."""
    name, best = "net_noisy", 0.12
    params = [dict(real("lr", 1e-5, 1), log=True), dict(real("decay", 1e-7, 0.1), log=True), real("drop", 0, 0.7),
              {"name": "width", "type": "int", "low": 8, "high": 1024, "log": True}]

    def mean(self, c):
        rate, decay, width = math.log10(c["lr"]), math.log10(c["decay"]), math.log2(c["width"])
        return min(0.9, 0.12 + 0.06 * (rate + 2.5 + 0.2 * (width - 6)) ** 2 + 0.01 * (width - 8) ** 2
                   + 0.01 * (decay + 4) ** 2 + 0.2 * (c["drop"] - 0.2) ** 2)

    def draw(self, mean, g):
        return sum(g.random() < mean for _ in range(300)) / 300


def only(param, where, *values):
    return dict(param, when={"param": where, "in": list(values)})


class BranchesNoisy(Noisy):
    """Three made-up algorithms with parameters of their own, 0.17 at best, with normal noise."""
    name, best = "branches_noisy", 0.17
    params = [{"name": "algorithm", "type": "cat", "choices": ["knn", "svm", "trees"]},
              only({"name": "k", "type": "int", "low": 1, "high": 30}, "algorithm", "knn"),
              only({"name": "kernel", "type": "cat", "choices": ["linear", "rbf"]}, "algorithm", "svm"),
              only(dict(real("C", 0.01, 1000), log=True), "algorithm", "svm"),
              only(dict(real("gamma", 1e-5, 10), log=True), "kernel", "rbf"),
              only(real("rows", 0.3, 1), "algorithm", "trees"),
              only(dict(real("eta", 1e-3, 1), log=True), "algorithm", "trees"),
              only({"name": "depth", "type": "int", "low": 1, "high": 14}, "algorithm", "trees")]

    def mean(self, c):
        if c["algorithm"] == "knn":
            return 0.3 + 0.005 * abs(c["k"] - 9)
        if c["algorithm"] == "svm":
            cost = math.log10(c["C"]) - 1
            bent = 0.06 * (math.log10(c["gamma"]) + 2 + 0.4 * cost) ** 2 - 0.03 if c["kernel"] == "rbf" else 0.02
            return 0.2 + 0.05 * cost ** 2 + bent
        return (0.19 + 0.1 * (c["rows"] - 0.7) ** 2 + 0.05 * (math.log10(c["eta"]) + 1.2) ** 2
                + 0.003 * (c["depth"] - 7) ** 2)

    def draw(self, mean, g):
        return mean + g.gauss(0, 0.03)


TASKS = {t.name: t for t in (Gardner1, Gardner2, Gramacy, Vessel, Srinivas, Crash, GridValley, GridTies, GridChoices,
                             MixedChoices, Hartmann3Noisy, CamelNoisy, NetNoisy, BranchesNoisy)}
