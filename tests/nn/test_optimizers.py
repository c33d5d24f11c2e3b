import numpy as np
import pytest

from whygrad.nn import optimizers

STEPS = 6


def descend(optimizer, parameters, gradients, rate):
    state, path = optimizer.init(parameters), []
    for g in gradients:
        changes, state = optimizer.update(g, state, parameters, rate)
        parameters = [p + change for p, change in zip(parameters, changes, strict=True)]
        path.append(parameters)
    return path


def random(rng):
    shapes = ((3, 2), (3,))
    return [rng.normal(size=s) for s in shapes], [[rng.normal(size=s) for s in shapes] for _ in range(STEPS)]


@pytest.mark.peers("torch")
@pytest.mark.parametrize(("ours", "theirs", "settings"), [
    (optimizers.sgd(), "SGD", {}),
    (optimizers.momentum(0.8), "SGD", dict(momentum=0.8)),
    (optimizers.nesterov(0.8), "SGD", dict(momentum=0.8, nesterov=True)),
    (optimizers.adam(0.8, 0.95), "Adam", dict(betas=(0.8, 0.95))),
    (optimizers.adamw(decay=0.1), "AdamW", dict(weight_decay=0.1)),
    (optimizers.rmsprop(), "RMSprop", {}),
    (optimizers.adagrad(), "Adagrad", {}),
])
def test_each_optimizer_walks_the_path_of_pytorchs(rng, torch, ours, theirs, settings):
    parameters, gradients = random(rng)
    mirrored = [torch.nn.Parameter(torch.tensor(p)) for p in parameters]
    peer = getattr(torch.optim, theirs)(mirrored, lr=0.1, **settings)
    for g, reached in zip(gradients, descend(ours, parameters, gradients, 0.1), strict=True):
        for p, slope in zip(mirrored, g, strict=True):
            p.grad = torch.tensor(slope)
        peer.step()
        for p, mine in zip(mirrored, reached, strict=True):
            assert np.allclose(p.detach().numpy(), mine, rtol=1e-12, atol=1e-14)


def test_the_first_steps_by_hand():
    for name, first, second in [
        ("sgd", -0.2, -0.6), ("momentum", -0.2, -0.78), ("nesterov", -0.38, -1.302), ("adam", -0.1, -0.09178),
        ("rmsprop", -1.0, -0.9492), ("adagrad", -0.1, -0.09487),
    ]:
        optimizer, parameters = optimizers.OPTIMIZERS[name](), [np.array([1.0])]
        one, two = (p[0][0] for p in descend(optimizer, parameters, [[np.array([2.0])], [np.array([6.0])]], 0.1))
        assert one - 1 == pytest.approx(first, rel=1e-3), name
        assert two - one == pytest.approx(second, rel=1e-3), name


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_update_changes_nothing_it_was_given_and_keeps_float32(rng, name):
    optimizer = optimizers.OPTIMIZERS[name]()
    parameters, gradients = [rng.normal(size=3).astype(np.float32)], [rng.normal(size=3).astype(np.float32)]
    state = optimizer.init(parameters)
    copies = [parameters[0].copy(), gradients[0].copy(), str(state)]
    changes, after = optimizer.update(gradients, state, parameters, 0.1)
    changes, _ = optimizer.update(gradients, after, parameters, 0.1)
    assert changes[0].dtype == np.float32
    assert np.array_equal(parameters[0], copies[0])
    assert np.array_equal(gradients[0], copies[1])
    assert str(state) == copies[2]


def test_adamw_pulls_weights_to_zero_where_adam_leaves_them():
    parameters, still = [np.array([2.0])], [[np.array([0.0])]]
    assert descend(optimizers.adam(), parameters, still, 0.1)[0][0] == 2.0
    assert descend(optimizers.adamw(decay=0.5), parameters, still, 0.1)[0][0] == pytest.approx(2 * (1 - 0.1 * 0.5))
