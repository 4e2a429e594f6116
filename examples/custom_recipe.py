"""Change pieces of a GAN, watch it train, and read the two warning signals.

With matplotlib installed, the history is also saved as history.png, in the folder given as the
first argument (by default a temporary one).
"""

import sys
import tempfile
from pathlib import Path

from sklearn.datasets import load_wine

from ganaug import Callback, ConfigError, EarlyStop, GANAugmenter, Recipe


class Watch(Callback):
    """Print a line now and then while training."""

    def on_record(self, trainer, record):
        if len(trainer.history) % 20 == 0:
            print(f"  step {record['step']}: critic loss {record['critic_loss']:.3f}")


X, y = load_wine(return_X_y=True, as_frame=True)

recipe = Recipe.preset("wgan-gp").replace(n_critic=2, width=64, name="small wgan-gp")
print(recipe.loss, recipe.regularizers.gradient_penalty, recipe.schedule.n_critic)
try:
    Recipe.preset("wgan-gp").replace(n_critics=3)
except ConfigError as error:
    print("a wrong name:", error)

augmenter = GANAugmenter(
    recipe=recipe,
    max_steps=200,
    callbacks=[Watch(), EarlyStop("diversity", patience=40)],
    random_state=0,
).fit(X, y)

history = augmenter.history_
frame = history.to_frame()
print(history)
print(frame[["step", "critic_loss", "generator_loss", "critic_accuracy", "diversity"]].tail(3))
print("signals at the end:", history.signals() or "none")

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("no plot: matplotlib is not installed (pip install 'ganaug[report]')")
else:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    frame.plot("step", ["critic_loss", "generator_loss"], ax=axes[0])
    frame.plot("step", ["diversity", "critic_accuracy"], ax=axes[1])
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()
    figure.savefig(Path(folder) / "history.png")
    print("saved", Path(folder) / "history.png")
