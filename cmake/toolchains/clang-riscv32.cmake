# SPDX-License-Identifier: BSD-3-Clause
# RISC-V 32, no libc, by clang.
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CLANG_TARGET riscv32-none-elf)
set(CLANG_FLAGS "-march=rv32imac -mabi=ilp32")
set(CLANG_GCC riscv64-unknown-elf-gcc)
include(${CMAKE_CURRENT_LIST_DIR}/clang.cmake)
