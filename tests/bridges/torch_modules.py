"""PyTorch modules that tests import: usual ones, and hostile ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


class ResidualMLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(3, 4)
        self.block = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.head = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        h = F.relu(self.fc1(x))
        h = h + self.block(h)
        return self.head(h)


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, stride=2, dilation=1, groups=2), nn.BatchNorm2d(6), nn.ELU(), nn.AvgPool2d(2, padding=1),
        )  # fmt: skip
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(6 * 2 * 2, 3)

    def forward(self, x: Any) -> Any:
        return F.log_softmax(self.fc(self.drop(self.features(x)).flatten(1)), dim=-1)


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.layers = nn.ModuleList([Residual(4), Residual(4)])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(self.stem(x), 3, stride=2, padding=1)
        for layer in self.layers:
            x = layer(x)
        return self.fc(torch.flatten(self.pool(x), 1))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8, padding_idx=0)
        self.position = nn.Parameter(torch.randn(5, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: Any) -> Any:
        h = self.embed(tokens) + self.position
        return self.head(self.norm(self.encoder(h)).mean(dim=1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(8, 5, batch_first=True)
        self.fc = nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        out, _ = self.lstm(x)
        out, h = self.gru(out)
        return self.fc(out[:, -1] + h[-1])


class Losses(nn.Module):
    """Returns its own loss, as many models do."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Any, y: Any) -> Any:
        z = self.fc(x)
        soft = F.cross_entropy(z, y, label_smoothing=0.1) + F.mse_loss(z.sigmoid(), torch.zeros_like(z))
        return soft + F.binary_cross_entropy_with_logits(z, torch.ones_like(z)) + F.smooth_l1_loss(z, 0.3 * z.detach())


class Stopped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        with torch.no_grad():
            h = self.fc(x)
        return self.fc(h) * self.fc(x).detach() + x.sum().item()


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        h = self.fc(x)
        h += x
        h.mul_(2)
        out = torch.zeros_like(h)
        out[:, 0] = 2 * h[:, 1]
        out[0] += h[1].tanh()
        return out


ACTIVATIONS = (nn.ReLU, nn.Sigmoid, nn.Tanh, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.Softplus, nn.SELU, nn.Mish,
               nn.Hardswish, nn.CELU, nn.PReLU, nn.Softsign, nn.Hardtanh, nn.LogSigmoid, nn.ReLU6)  # fmt: skip


def mlp() -> Any:
    layers: list[Any] = []
    for activation in ACTIVATIONS:
        layers += [nn.Linear(4 if not layers else 5, 5), activation()]
    return nn.Sequential(*layers, nn.Linear(5, 3))


def floats(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64)


MODULES: dict[str, Callable[[], tuple[Any, tuple[Any, ...]]]] = {
    "mlp": lambda: (mlp(), (floats(2, 4),)),
    "residual_mlp": lambda: (ResidualMLP(), (floats(2, 3),)),
    "lenet": lambda: (LeNet(), (floats(3, 1, 12, 12),)),
    "resnet": lambda: (ResNet(), (floats(2, 2, 16, 16),)),
    "transformer": lambda: (Transformer(), (torch.randint(0, 11, (2, 5)),)),
    "lstm": lambda: (Recurrent(), (floats(2, 4, 3),)),
    "losses": lambda: (Losses(), (floats(3, 3), torch.tensor([0, 3, 1]))),
}


def made(name: str) -> tuple[Any, tuple[Any, ...]]:
    """The module in float64 and its inputs, the same every time."""
    torch.manual_seed(0)
    module, inputs = MODULES[name]()
    module = module.double()
    for m in module.modules():
        if isinstance(m, nn.BatchNorm2d):  # statistics that a training would have left
            m.running_mean.uniform_(-0.5, 0.5)
            m.running_var.uniform_(0.5, 1.5)
    return module.eval(), inputs


# ── hostile ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def module(forward: Callable[..., Any]) -> Callable[[], Any]:
    """A module with that forward and one linear layer."""

    class Hostile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return forward(self, x)

    return Hostile


class Unknown(nn.Module):
    class Inner(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.special.i0(x)

    def __init__(self) -> None:
        super().__init__()
        self.inner = self.Inner()

    def forward(self, x: Any) -> Any:
        return self.inner(x).sum() + torch.linalg.svd(x)[1]


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 100


def with_parameter(make: Callable[[], Any]) -> Callable[[], Any]:
    def build() -> Any:
        hostile = module(lambda self, x: x)()
        hostile.w = make()
        return hostile

    return build


def with_hook() -> Any:
    linear = nn.Linear(3, 3)
    linear.register_forward_hook(lambda *_: 1 / 0)
    return linear


def sparse() -> Any:
    hostile = module(lambda self, x: x)()
    hostile.register_buffer("w", torch.eye(3).to_sparse())
    return hostile


HOSTILE: list[tuple[Callable[[], Any], str, str]] = [
    (module(lambda self, x: 1 / 0), "ArgumentError", "forward raised ZeroDivisionError"),
    (module(lambda self, x: x if self.fc(x).sum() > 0 else -x), "UnsupportedError", "depends on the numbers"),
    (module(lambda self, x: "hello"), "DtypeError", "returned str"),
    (module(lambda self, x: None), "DtypeError", "holds no tensor"),
    (module(lambda self, x: x * torch.rand_like(x)), "UnsupportedError", "rand_like"),
    (module(lambda self, x: F.dropout(x, 0.5, True)), "UnsupportedError", "random"),
    (module(lambda self, x: Own.apply(x)), "UnsupportedError", "torch.autograd.Function"),
    (module(lambda self, x: torch.fft.fft(x)), "DtypeError", "complex"),
    (module(lambda self, x: torch.tensor(x.numpy())), "ArgumentError", "detach"),
    (lambda: nn.Linear(3, 3, device="meta"), "DataError", "meta device"),
    (lambda: nn.LazyLinear(3), "DataError", "no shape yet"),
    (with_parameter(lambda: nn.Parameter(torch.ones(3, dtype=torch.complex64))), "DtypeError", "'w' is complex"),
    (
        with_parameter(lambda: nn.Parameter(torch.ones(3, dtype=torch.int32), requires_grad=False)),
        "DtypeError",
        "int32",
    ),
    (sparse, "DtypeError", "sparse"),
    (with_hook, "ArgumentError", "ZeroDivisionError"),
]
