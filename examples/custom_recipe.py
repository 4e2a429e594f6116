"""Change pieces of a GAN, watch it train, and read the two warning signals.

Run: python examples/custom_recipe.py [folder]
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure
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

figure = Figure(figsize=(9, 3), layout="constrained")
axes = figure.subplots(1, 2)
frame.plot("step", ["critic_loss", "generator_loss"], ax=axes[0])
frame.plot("step", ["diversity", "critic_accuracy"], ax=axes[1])
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "history.png")
figure.savefig(path, dpi=120)
print("saved", path)
