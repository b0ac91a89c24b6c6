# SPDX-License-Identifier: BSD-3-Clause
# Every dependency of the project, in one place. The library itself has none.
if(VMSG_BUILD_EMULATOR OR VMSG_BUILD_TESTS)
	find_package(PkgConfig REQUIRED)
endif()
if(VMSG_BUILD_EMULATOR)
	pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv)
	find_package(Threads REQUIRED)
endif()
if(VMSG_BUILD_TESTS)
	pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
