#ifndef IR_REGION_LIST_H
#define IR_REGION_LIST_H

/// Every operation of a region: X(CONSTANT, name).
#define IR_REGION_LIST(X) \
  /* Also from and to binary16. */ \
  X(COPY, copy) \
  /* From a whole feature map of blocks, each a pixel of the region: places in a block become channels. */ \
  X(SPACE_TO_DEPTH, space_to_depth) \
  /* To such a feature map; `channels` are its. */ \
  X(DEPTH_TO_SPACE, depth_to_space) \
  /* Stride 1, one group: operands x, [residual]. */ \
  X(CONVOLUTION, convolution) \
  /* As CONVOLUTION, of one pixel, in bfloat16 with sums in float32: operands x, [residual]. */ \
  X(PAIRS_CONVOLUTION, pairs_convolution) \
  /* Stride 1, `groups` groups of `depth` input channels each: operands x, [residual]. */ \
  X(GROUPED_CONVOLUTION, grouped_convolution) \
  /* As ir_conv2d_winograd, of a feature map's height and width: operands x, [residual]; margins, steps, */ \
  /* blocks, rolling rows and the columns of tiles are then multiples of IR_WINOGRAD_TILE. */ \
  X(WINOGRAD, winograd) \
  /* As WINOGRAD, in bfloat16 with sums in float32. */ \
  X(PAIRS_WINOGRAD, pairs_winograd) \
  /* Stride 1, a group a channel: operand x. */ \
  X(DEPTHWISE, depthwise) \
  /* Over channels: operand x. */ \
  X(NORMALIZE, normalize) \
  /* A register program: operands are the first registers, the last instruction's is the result. */ \
  X(ELEMENTWISE, elementwise) \
  /* Over all pixels: operands x, y [channels], [depth], in `groups` groups of A and B channels. The */ \
  /* products of the channels of a group [batch, groups, A, B], and the Euclidean norms of both */ \
  /* [batch, channels]. */ \
  X(GRAM, gram) \
  /* Over all pixels: operand x. `factor` times the sum of each channel [batch, channels]. */ \
  X(SUM, sum)

#endif
