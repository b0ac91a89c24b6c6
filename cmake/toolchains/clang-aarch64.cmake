# SPDX-License-Identifier: BSD-3-Clause
# AArch64 without libc, by clang.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CLANG_TARGET aarch64-none-elf)
set(CLANG_FLAGS "-mgeneral-regs-only -fno-pic")
set(CLANG_GCC aarch64-linux-gnu-gcc)
include(${CMAKE_CURRENT_LIST_DIR}/clang.cmake)
