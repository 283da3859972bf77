// Copyright (c) 2026 the anchorage.pki contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * Judges peers as a Java program does by default. Each line of input, its words separated by tabs, is a question:
 * "server ROOTS PORT HOST" connects to a local port and expects HOST there (anybody if empty); "client ROOTS CHAIN"
 * judges a client's certificates. ROOTS and CHAIN are PEM files. Each line of output is the answer to one question.
 */
public final class PeerVerifier {
    public static void main(String[] arguments) throws Exception {
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            System.out.println(answer(line.split("\t", -1)));
        }
    }

    private static String answer(String[] question) {
        try {
            X509TrustManager trust = trustIn(question[1]);
            if (question[0].equals("server")) {
                shakeHands(trust, Integer.parseInt(question[2]), question[3]);
            } else {
                trust.checkClientTrusted(read(question[2]), "UNKNOWN");
            }
            return "accepted";
        } catch (Exception exception) {
            StringBuilder reasons = new StringBuilder("refused");
            for (Throwable reason = exception; reason != null; reason = reason.getCause()) {
                reasons.append(": ").append(String.valueOf(reason.getMessage()).replaceAll("\\s+", " "));
            }
            return reasons.toString();
        }
    }

    private static X509TrustManager trustIn(String roots) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (X509Certificate root : read(roots)) {
            store.setCertificateEntry(root.getSerialNumber().toString(), root);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        return (X509TrustManager) factory.getTrustManagers()[0];
    }

    private static X509Certificate[] read(String path) throws Exception {
        try (FileInputStream file = new FileInputStream(path)) {
            return CertificateFactory.getInstance("X.509").generateCertificates(file).toArray(X509Certificate[]::new);
        }
    }

    private static void shakeHands(X509TrustManager trust, int port, String host) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {trust}, null);
        try (Socket plain = new Socket("127.0.0.1", port);
                SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm(host.isEmpty() ? null : "HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
        }
    }
}
