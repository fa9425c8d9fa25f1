"""Which names of the array libraries interpreted code may use, by last name."""

from __future__ import annotations

__all__ = ["ALIASES", "DROPPED", "LAYERS", "MODULES", "NUMBERS", "PERMITTED", "RENAMED"]

# Elementwise, binary, reductions, linear algebra, shapes, in-place forms, activations and losses, chance.
_PERMITTED = """
    abs acos acosh asin asinh atan atanh ceil clamp cos cosh digamma erf erfc erfinv exp exp2 expm1
    floor frac lgamma log log10 log1p log2 logit nan_to_num neg reciprocal relu round rsqrt sigmoid sign
    sgn sin sinc sinh sqrt square tan tanh trunc isnan isinf isfinite logical_not atan2 copysign fmod
    hypot logaddexp maximum minimum pow remainder true_divide xlogy floor_divide add sub mul div eq ne
    lt le gt ge logical_and logical_or logical_xor sum mean std var amax amin argmax argmin norm median
    logsumexp softmax log_softmax cumsum cumprod all any sort argsort topk kthvalue quantile unique
    count_nonzero var_mean std_mean matmul mm bmm mv dot outer einsum tensordot kron cdist baddbmm addmm
    addmv reshape view flatten transpose permute squeeze unsqueeze expand expand_as view_as repeat
    repeat_interleave flip roll stack cat chunk split unbind gather scatter scatter_add index_select
    masked_fill masked_select where tril triu diag diagonal diag_embed trace unfold narrow
    take_along_dim swapaxes movedim broadcast_to rot90 meshgrid t pad bincount searchsorted bucketize
    histc lerp addcmul addcdiv tril_indices index_add qr svd eigh inverse pinverse det cholesky
    matrix_norm vector_norm svdvals add_ sub_ mul_ div_ copy_ fill_ zero_ clamp_ lerp_ addcmul_ addcdiv_
    neg_ sqrt_ abs_ sign_ exp_ pow_ relu_ masked_fill_ scatter_ index_fill_ clamp_min clamp_max
    clamp_min_ clamp_max_ tanh_ sigmoid_ fill_diagonal_ addmm_ round_ floor_ unsqueeze_ squeeze_ square_
    rsqrt_ reciprocal_ scatter_add_ index_copy_ tril_ triu_ elu selu celu gelu silu mish softplus
    softsign tanhshrink hardtanh hardswish hardsigmoid relu6 leaky_relu logsigmoid hardshrink softshrink
    threshold glu normalize layer_norm group_norm linear embedding prelu cosine_similarity
    pairwise_distance cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss kl_div
    binary_cross_entropy binary_cross_entropy_with_logits hinge_embedding_loss margin_ranking_loss
    triplet_margin_loss poisson_nll_loss gaussian_nll_loss soft_margin_loss rms_norm batch_norm
    instance_norm scaled_dot_product_attention avg_pool1d avg_pool2d max_pool2d adaptive_avg_pool2d
    conv1d conv2d interpolate dropout dropout2d gumbel_softmax kaiming_normal_ kaiming_uniform_
    xavier_normal_ xavier_uniform_ orthogonal_ trunc_normal_ sparse_ eye_ dirac_ zeros_ ones_ constant_
    normal_ uniform_ zeros_like ones_like rand_like randn_like full_like empty_like bernoulli
    multinomial bernoulli_ exponential_ fft ifft rfft irfft
    solve matrix_exp matrix_power cummax cummin logcumsumexp diff cross nanmean nansum aminmax heaviside
    signbit nextafter block_diag column_stack hstack vstack dstack fliplr flipud isclose allclose cov
    corrcoef softmin pixel_shuffle pixel_unshuffle cosine_embedding_loss multi_margin_loss
    multilabel_soft_margin_loss vander nanmedian rsub baddbmm_ acos_ cos_ sin_ log_ erfinv_ trunc_ ceil_
    logit_ expm1_ log1p_ unflatten masked_scatter index_add_ index_fill argwhere nonzero
"""
PERMITTED: tuple[str, ...] = tuple(_PERMITTED.split())

_ALIASES = """
    absolute=abs arctan=atan arctanh=atanh arcsin=asin arccos=acos arctan2=atan2 arcsinh=asinh
    clip=clamp clip_=clamp_ power=pow divide=div multiply=mul subtract=sub concatenate=cat concat=cat
    expand_dims=unsqueeze negative=neg expit=sigmoid swish=silu fabs=abs logistic=sigmoid inv=inverse
    greater=gt less=lt greater_equal=ge less_equal=le equal=eq not_equal=ne fmax=maximum fmin=minimum
    rint=round pinv=pinverse ger=outer log_sigmoid=logsigmoid standardize=layer_norm mod=remainder
    erf_=erf vdot=dot inner=dot reduce_sum=sum reduce_mean=mean reduce_max=amax tile=repeat
    ravel=flatten swap_axes=swapaxes xavier_normal=xavier_normal_ kaiming_normal=kaiming_normal_
    glorot_normal=xavier_normal_ expm=matrix_exp row_stack=vstack digitize=bucketize nanmax=amax
    nanmin=amin arccosh=acosh arcsinh=asinh float_power=pow
    kaiming_uniform=kaiming_uniform_ xavier_uniform=xavier_uniform_ orthogonal=orthogonal_
"""
ALIASES: dict[str, str] = {
    alias: name for alias, _, name in (pair.partition("=") for pair in _ALIASES.split())
}

DROPPED = frozenset(
    {"dtype", "device", "requires_grad", "generator", "out", "order", "inplace", "copy", "training"}
)
"""Keywords that say where, how precisely, or in which mode; interpreted code runs in double precision."""

RENAMED = {"axis": "dim", "keepdims": "keepdim", "a_min": "min", "a_max": "max"}

_MODULES = """
    rng rs random_state torch numpy np jnp jax math F nn functional init optim linalg random special lax
    scipy tf tensorflow keras fft torch_optim nnx flax optax cmath copy itertools collections functools
    distributions distribution autograd einops cuda amp utils
"""
MODULES = frozenset(_MODULES.split())

_LAYERS = """
    Linear LayerNorm RMSNorm GroupNorm BatchNorm1d Embedding Identity Dropout ReLU GELU SiLU Tanh
    Sigmoid Softplus ELU LeakyReLU PReLU Mish Softmax Flatten Conv1d Conv2d ReLU6 Hardswish CELU SELU
    Softsign LogSigmoid
"""
LAYERS = frozenset(_LAYERS.split())
"""Layer classes of torch.nn that interpreted code may make, in small sizes."""

NUMBERS = {"pi": 3.141592653589793, "inf": float("inf"), "nan": float("nan")}
"""Constants that may stand without a module's name."""
