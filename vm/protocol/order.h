// The answer of a rich comparison to operands that have an order.
#pragma once
#include "vm/core/type.h"

namespace mp {

// `order`: below, at or above 0 as the left operand is less than, equal to or greater than the right one.
inline Value order_result(int order, CompareOp op) {
  switch (op) {
    case CompareOp::Lt: return Value::from_bool(order < 0);
    case CompareOp::Le: return Value::from_bool(order <= 0);
    case CompareOp::Eq: return Value::from_bool(order == 0);
    case CompareOp::Ne: return Value::from_bool(order != 0);
    case CompareOp::Gt: return Value::from_bool(order > 0);
    default: return Value::from_bool(order >= 0);
  }
}

}  // namespace mp
