"""One of each of PyTorch's layers that the importer reads, all in one module, so that one export tries them all."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

ROW, LINE, IMAGE, SPACE, STEPS = (3, 4), (2, 4, 7), (2, 4, 6, 6), (1, 4, 4, 4, 4), (2, 5, 4)
TOKENS, PAIR, CLASSES, SAME = "tokens", "pair", "classes", "same"  # inputs that are no single array of numbers


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.attention(x, x, x)  # the outputs, and the weights averaged over heads


ZOO: dict[str, tuple[Any, Any]] = {
    "Linear": (lambda: nn.Linear(4, 3), ROW),
    "Identity": (nn.Identity, ROW),
    "Conv1d": (lambda: nn.Conv1d(4, 2, 3, padding=1), LINE),
    "Conv2d": (lambda: nn.Conv2d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), IMAGE),
    "Conv3d": (lambda: nn.Conv3d(4, 2, 2), SPACE),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 2, 3, stride=2, output_padding=1), LINE),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1), IMAGE),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), LINE),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGE),
    "MaxPool3d": (lambda: nn.MaxPool3d(2), SPACE),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), LINE),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), IMAGE),
    "AvgPool3d": (lambda: nn.AvgPool3d(2), SPACE),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(3), LINE),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((4, 1)), IMAGE),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(3), LINE),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(4), IMAGE),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), ROW),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), IMAGE),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(4), SPACE),
    "LayerNorm": (lambda: nn.LayerNorm(4), STEPS),
    "RMSNorm": (lambda: nn.RMSNorm(4), STEPS),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGE),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(4, affine=True), LINE),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4), IMAGE),
    "Dropout": (lambda: nn.Dropout(0.5), ROW),
    "Dropout1d": (lambda: nn.Dropout1d(0.5), LINE),
    "Dropout2d": (lambda: nn.Dropout2d(0.5), IMAGE),
    "AlphaDropout": (lambda: nn.AlphaDropout(0.5), ROW),
    "Flatten": (nn.Flatten, IMAGE),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), ROW),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "Upsample": (lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Upsample(size=(5, 7), mode="bilinear")), IMAGE),
    "ZeroPad2d": (lambda: nn.ZeroPad2d(1), IMAGE),
    "ConstantPad1d": (lambda: nn.ConstantPad1d(2, 0.5), LINE),
    "ReflectionPad1d": (lambda: nn.ReflectionPad1d(2), LINE),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(2), IMAGE),
    "ReplicationPad1d": (lambda: nn.ReplicationPad1d(2), LINE),
    "ReplicationPad2d": (lambda: nn.ReplicationPad2d(2), IMAGE),
    "CircularPad1d": (lambda: nn.CircularPad1d(2), LINE),
    "Embedding": (lambda: nn.Embedding(11, 3, padding_idx=1), TOKENS),
    "RNN": (lambda: nn.RNN(4, 3, batch_first=True), STEPS),
    "LSTM": (lambda: nn.LSTM(4, 3, num_layers=2, bidirectional=True, proj_size=2), STEPS),
    "GRU": (lambda: nn.GRU(4, 3, bidirectional=True), STEPS),
    "RNNCell": (lambda: nn.RNNCell(4, 3), ROW),
    "LSTMCell": (lambda: nn.LSTMCell(4, 3), ROW),
    "GRUCell": (lambda: nn.GRUCell(4, 3), ROW),
    "MultiheadAttention": (SelfAttention, STEPS),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), STEPS),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(4, 2, 6, activation="gelu"), 2, enable_nested_tensor=False
        ),
        STEPS,
    ),
    "TransformerDecoderLayer": (lambda: nn.TransformerDecoderLayer(4, 2, 6, batch_first=True), SAME),
    "Bilinear": (lambda: nn.Bilinear(4, 4, 3), PAIR),
    "CosineSimilarity": (nn.CosineSimilarity, PAIR),
    "Softmax": (lambda: nn.Softmax(-1), ROW),
    "Softmin": (lambda: nn.Softmin(-1), ROW),
    "LogSoftmax": (lambda: nn.LogSoftmax(-1), ROW),
    "Threshold": (lambda: nn.Threshold(0.1, -0.5), ROW),
    "GLU": (nn.GLU, ROW),
    **{
        name: (getattr(nn, name), ROW)
        for name in (
            "ReLU ReLU6 LeakyReLU PReLU ELU CELU SELU GELU SiLU Mish Sigmoid Tanh Softplus Softsign Softshrink "
            "Hardshrink Hardtanh Hardsigmoid Hardswish LogSigmoid Tanhshrink"
        ).split()
    },
    **{name: (getattr(nn, name), PAIR) for name in "MSELoss L1Loss SmoothL1Loss HuberLoss BCEWithLogitsLoss".split()},
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), CLASSES),
    "NLLLoss": (nn.NLLLoss, CLASSES),
    "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean", log_target=True), PAIR),
}


class Zoo(nn.Module):
    """Calls every layer on inputs of its own shape, cut from one vector of numbers times a factor, the input."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: make() for name, (make, _) in ZOO.items()})
        self.register_buffer("numbers", torch.randn(300))

    def forward(self, factor: Any) -> Any:
        numbers = self.numbers * factor
        return [self.called(layer, numbers, ZOO[name][1]) for name, layer in self.layers.items()]

    @staticmethod
    def called(layer: Any, numbers: Any, shape: Any) -> Any:
        def cut(shape: tuple[int, ...], start: int = 0) -> Any:
            size = 1
            for n in shape:
                size *= n
            return numbers[start : start + size].reshape(shape)

        if shape == TOKENS:
            return layer(torch.tensor([[0, 1, 10], [3, 3, 1]]))
        if shape == PAIR:
            return layer(cut(ROW), cut(ROW, 20).detach())
        if shape == CLASSES:
            return layer(cut(ROW), torch.tensor([0, 3, 1]))
        if shape == SAME:
            return layer(cut(STEPS), cut(STEPS, 30))
        return layer(cut(shape))


def zoo() -> tuple[Any, Any]:
    """The module in float64, in eval mode, and its input."""
    torch.manual_seed(0)
    module = Zoo().double().eval()
    for m in module.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.running_mean.uniform_(-0.5, 0.5)
            m.running_var.uniform_(0.5, 1.5)
    return module, torch.tensor(0.9, dtype=torch.float64)
