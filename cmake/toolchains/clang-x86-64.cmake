# SPDX-License-Identifier: BSD-3-Clause
# x86-64 without libc, by clang.
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CLANG_TARGET x86_64-none-elf)
set(CLANG_FLAGS "-mno-red-zone -mgeneral-regs-only -fno-pic")
set(CLANG_GCC gcc)
include(${CMAKE_CURRENT_LIST_DIR}/clang.cmake)
