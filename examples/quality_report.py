"""Are the synthetic rows any good? Figures beside those of real rows, and a page to look at.

Tumours measured by scikit-learn's breast cancer data, with 100 of the 212 malignant ones left.
Beside ganaug a plain GAN that was stopped early, to see what the report says of bad rows.

Run: python examples/quality_report.py [folder]
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

from ganaug import GANAugmenter, quality_report

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
data = load_breast_cancer(as_frame=True)
malignant = np.flatnonzero(data.target == 0)
kept = np.setdiff1d(np.arange(len(data.target)), malignant[100:])
X = data.data.iloc[kept]
y = data.target.iloc[kept].map({0: "malignant", 1: "benign"})

report = quality_report(GANAugmenter(random_state=0), X, y, random_state=0)
early = quality_report(
    GANAugmenter(recipe="gan", max_steps=50, random_state=0), X, y, random_state=0
)

shown = ["value", "baseline", "baseline_low", "baseline_high", "verdict"]
print(report.to_frame().loc["malignant", shown].round(2).to_string())
for name, each in (("ganaug", report), ("an early gan", early)):
    auc = each.to_frame().loc[("malignant", "c2st_auc")]
    print(f"{name}: told from real rows with AUC {auc['value']:.2f} ({auc['verdict']})")

print("\nwhat to do about it:")
for advice in report.advice:
    print(f"- {advice.level}: {advice}")

report.to_json(folder / "report.json")
report.plot().savefig(folder / "figures.png", dpi=80)
report.to_html(folder / "report.html")
print("saved", folder / "report.html")
