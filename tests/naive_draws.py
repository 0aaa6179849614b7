"""A plain numpy twin of the error budget: every error of every tree drawn one by one."""

from __future__ import annotations

import math

import numpy as np

import allometry as al

RUBBER = "Hevea brasiliensis"
SPREAD = (0.148 * 1.3, 0.182 * 1.3, -0.24)
CHAVE = (0.0215, 0.00275, -0.9645)
LEVELS = {
    "residual": "tree", "species": "species", "locality": "locality", "coefficients": "group",
    "rubber_equation": "group", "rubber_locality": "locality", "density_mean": "species",
    "density_tree": "tree", "height_locality": "locality", "height_plot": "plot",
    "height_tree": "tree", "dbh_reading": "tree", "height_reading": "tree",
    "dbh_campaign": "campaign", "height_campaign": "campaign", "roots": "group",
    "carbon_run": "run", "carbon_species": "species",
}  # fmt: skip


class Twin:
    """Trees of several plots; ``draw`` returns AGB, BGB and carbon of each plot and draw."""

    def __init__(self, trees, levels=None, off=(), localities=None):
        self.trees = trees.reset_index(drop=True)
        self.levels = LEVELS | (levels or {})
        self.off = set(off)
        self.locality = self.trees["plot_id"].map(lambda plot: (localities or {}).get(plot, "all"))

    def _units(self, term, group):
        t = self.trees
        level = self.levels[term]
        group = np.broadcast_to(np.asarray(group, dtype=object), len(t))
        base = {
            "tree": t["plot_id"] + "/" + t["tree_id"], "reading": t["plot_id"] + "/" + t["tree_id"],
            "plot": t["plot_id"], "species": t["species"], "locality": self.locality,
            "campaign": np.full(len(t), "all"), "run": np.full(len(t), "all"),
            "group": np.full(len(t), "all"),
        }[level]  # fmt: skip
        key = np.asarray(base).astype(object)
        if level in {"species", "locality", "group", "campaign"}:
            key = key + "|" + group
        return np.unique(key.astype(str), return_inverse=True)[1]

    def draw(self, count, seed):
        rng = np.random.default_rng(seed)
        t = self.trees
        n = len(t)
        d = t["dbh_cm"].to_numpy()
        rubber = (t["species"] == RUBBER).to_numpy()
        measured = t["height_m"].notna().to_numpy()
        h = np.where(measured, t["height_m"], al.predict_height("harja_2012_pooled", dbh=d))
        table = al.wood_density(t["species"])
        rho, rho_sd = table["wood_density_g_cm3"].to_numpy(), table["sd_g_cm3"].to_numpy()
        agb = np.where(
            rubber,
            al.evaluate("hevea_ensemble", dbh=d),
            al.evaluate("chave_2014_eq4", dbh=d, height=h, wood_density=rho),
        )
        step = 1e-4
        rubber_power = (
            np.log(al.evaluate("hevea_ensemble", dbh=d * math.exp(step)))
            - np.log(al.evaluate("hevea_ensemble", dbh=d * math.exp(-step)))
        ) / (2 * step)
        d_power = np.where(rubber, rubber_power, 1.952 + np.where(measured, 0.0, 0.976 * 0.5193))
        h_power = np.where(rubber, 0.0, 0.976)
        equation = np.where(rubber, "hevea", "chave").astype(object)
        species = t["species"].to_numpy(dtype=object)
        eta, variance = np.zeros((count, n)), np.zeros(n)

        def add(term, loads, group):
            if term in self.off:
                return
            units = self._units(term, group)
            total = np.zeros((count, n))
            for load in loads:
                size = np.asarray(load, dtype=float)
                total += size * rng.standard_normal((count, units.max() + 1))[:, units]
                variance[:] += size**2
            eta[:] += total

        x = np.log(d / 20.0)
        ln_all = np.log(rho * d**2 * h)
        a, b, r = SPREAD
        lines = [np.where(rubber, a + b * r * x, 0.0),
                 np.where(rubber, b * math.sqrt(1 - r * r) * x, 0.0)]  # fmt: skip
        add("residual", [np.where(rubber, 0.20, 0.28)], equation)
        add("species", [np.where(rubber, 0.0, 0.16)], equation)
        add("locality", [np.where(rubber, 0.0, 0.16)], equation)
        add("rubber_equation", [line / math.sqrt(5) for line in lines], "rubber")
        add("rubber_locality", lines, "rubber")
        ca, cb, cr = CHAVE
        add("coefficients", [np.where(rubber, 0.0, ca + cb * cr * ln_all),
                             np.where(rubber, 0.0, cb * math.sqrt(1 - cr * cr) * ln_all)], equation)  # fmt: skip
        half = math.sqrt(0.5) * rho_sd / rho * h_power
        add("density_mean", [half], species)
        add("density_tree", [half], species)
        add("height_locality", [np.where(measured, 0.0, 0.13 * h_power)], species)
        add("height_plot", [np.where(measured, 0.0, 0.18 * h_power)], "")
        add("height_tree", [np.where(measured, 0.0, 0.17 * h_power)], "")
        add("dbh_reading", [d_power * (0.0062 + 0.0904 / d)], "")
        add("height_reading", [np.where(measured, 0.05 * h_power, 0.0)], "")
        add("dbh_campaign", [0.005 * d_power], "")
        add("height_campaign", [np.where(measured, 0.05 * h_power, 0.0)], "")
        tree_agb = agb / 1000.0 * np.exp(eta - 0.5 * variance)
        ratio = np.where(rubber, al.evaluate("hytonen_2018_stump_root", dbh=d) / agb, 0.226)
        root = self._multiplier(rng, count, "roots", 0.39, np.where(rubber, "hytonen", "ratio"))
        carbon = self._multiplier(rng, count, "carbon_run", 0.005 / 0.47, "")
        carbon = carbon * self._multiplier(rng, count, "carbon_species", 0.02 / 0.47, species)
        bgb = tree_agb * ratio * root
        plots = np.unique(t["plot_id"], return_inverse=True)[1]

        def by_plot(values):
            return np.stack([values[:, plots == p].sum(axis=1) for p in range(plots.max() + 1)])

        return {
            "agb": by_plot(tree_agb),
            "bgb": by_plot(bgb),
            "carbon": by_plot(0.47 * carbon * (tree_agb + bgb)),
        }

    def _multiplier(self, rng, count, term, sd, group):
        if term in self.off:
            return 1.0
        units = self._units(term, group)
        z = rng.standard_normal((count, units.max() + 1))[:, units]
        return np.exp(sd * z - 0.5 * sd**2)


def standard_errors(draws):
    """Monte Carlo error of mean, sd, 5 % and 95 % quantile of one row of draws."""
    n = draws.size
    sd = draws.std(ddof=1)
    kurtosis = ((draws - draws.mean()) ** 4).mean() / sd**4
    errors = {"mean": sd / math.sqrt(n), "sd": sd * math.sqrt((kurtosis - 1) / (4 * n))}
    for name, p in (("q05", 0.05), ("q95", 0.95)):
        near = np.quantile(draws, [p - 0.02, p + 0.02])
        errors[name] = math.sqrt(p * (1 - p) / n) * (near[1] - near[0]) / 0.04
    return errors
