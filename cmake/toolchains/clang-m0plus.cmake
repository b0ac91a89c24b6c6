# SPDX-License-Identifier: BSD-3-Clause
# Cortex-M0+, no libc, by clang.
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CLANG_TARGET arm-none-eabi)
set(CLANG_FLAGS "-mcpu=cortex-m0plus -mthumb -mfloat-abi=soft")
set(CLANG_GCC arm-none-eabi-gcc)
include(${CMAKE_CURRENT_LIST_DIR}/clang.cmake)
