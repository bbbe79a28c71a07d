/*
 * Lets OpenSMTPD 6.8 complete TLS handshakes under OpenSSL 3.
 *
 * Its network process holds no private key: it hands OpenSSL the certificate's public key, to whose RSA or EC object a
 * method belongs that asks another process to sign. In OpenSSL 3 such an object is only a copy beside the real, provided
 * key. So the method is never called, signing fails for want of a private key, and every client gets internal_error.
 *
 * Here the network process gets the private key itself: read when it starts, before it gives up its rights and root.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>

static char text[16384];
static size_t length;

__attribute__((constructor)) static void
read_key(void)
{
	FILE *file = fopen("/etc/server.key", "r");

	if (file == NULL)
		return;
	length = fread(text, 1, sizeof text, file);
	fclose(file);
}

int
SSL_CTX_use_PrivateKey(SSL_CTX *context, EVP_PKEY *public)
{
	int (*original)(SSL_CTX *, EVP_PKEY *);
	BIO *memory = BIO_new_mem_buf(text, (int)length);
	EVP_PKEY *private = PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL);
	int used;

	*(void **)&original = dlsym(RTLD_NEXT, "SSL_CTX_use_PrivateKey");
	used = original(context, private != NULL ? private : public);
	EVP_PKEY_free(private);
	BIO_free(memory);
	return used;
}
