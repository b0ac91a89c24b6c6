# SPDX-License-Identifier: BSD-3-Clause
# Every dependency of the project, in one place. The library itself has none.
if(VMSG_BUILD_EMULATOR OR VMSG_BUILD_TESTS)
	find_package(PkgConfig REQUIRED)
endif()
if(VMSG_BUILD_EMULATOR)
	pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv)
	find_package(Threads REQUIRED)
	# optional: the plugin for nbdkit is built where this is there
	pkg_check_modules(nbdkit IMPORTED_TARGET nbdkit)
	# libfdt has no pkg-config file where it matters (Debian: libfdt-dev)
	find_library(FDT_LIBRARY fdt REQUIRED)
	find_path(FDT_INCLUDE_DIR libfdt.h REQUIRED)
	add_library(fdt::fdt UNKNOWN IMPORTED)
	set_target_properties(fdt::fdt PROPERTIES
		IMPORTED_LOCATION ${FDT_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${FDT_INCLUDE_DIR})
endif()
if(VMSG_BUILD_TESTS)
	pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
