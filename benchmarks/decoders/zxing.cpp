//go:build zxing

#include "zxing.h"

#define ZX_USE_UTF8 // of two forms of text, which is not used here

#include <ZXing/ReadBarcode.h>
#include <ZXing/ZXVersion.h>

#include <cstring>

#define TEXT(x) #x
#define VALUE(x) TEXT(x)

int zxing_read(const unsigned char *pixels, int width, int height, int harder, unsigned char *payload, int room) {
	ZXing::DecodeHints hints;
	hints.setFormats(ZXing::BarcodeFormat::QRCode | ZXing::BarcodeFormat::Aztec | ZXing::BarcodeFormat::DataMatrix);
	hints.setTryHarder(harder);
	hints.setTryRotate(harder);
	hints.setTryDownscale(harder);
	auto result = ZXing::ReadBarcode({pixels, width, height, ZXing::ImageFormat::Lum}, hints);
	if (!result.isValid() || (int)result.bytes().size() > room)
		return 0;
	std::memcpy(payload, result.bytes().data(), result.bytes().size());
	return (int)result.bytes().size();
}

const char *zxing_version(void) {
	return VALUE(ZXING_VERSION_MAJOR) "." VALUE(ZXING_VERSION_MINOR) "." VALUE(ZXING_VERSION_PATCH);
}
