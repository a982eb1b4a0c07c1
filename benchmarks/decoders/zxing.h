#ifdef __cplusplus
extern "C" {
#endif

// zxing_read finds a QR, Aztec or Data Matrix code and writes its bytes to payload. It returns how many, 0 if there is none or no room.
int zxing_read(const unsigned char *pixels, int width, int height, int harder, unsigned char *payload, int room);

const char *zxing_version(void);

#ifdef __cplusplus
}
#endif
